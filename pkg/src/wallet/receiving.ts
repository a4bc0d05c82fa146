import type { PaymentRequest } from '../base/protocol.ts';
import { amount, named, text, texts } from './arguments.ts';
import { OnchainRequests } from './onchain.ts';

/** Requests that ask to be paid. */
export abstract class ReceivingRequests extends OnchainRequests {
  /**
   * Makes a BOLT 11 invoice. Without an amount the payer chooses.
   * @param options `amountMsat`; `description`: what the payer reads, by default nothing; `expirySecs`: seconds until the
   * invoice expires, 60 to a week, by default an hour; `amp`: for AMP, payable any number of times by whoever pays by AMP. Each of
   * its payments has an id of its own, and the `invoice`; `metadata`: names and values that come back with the payment
   * (`payment.metadata`: an order's number, say) and that the payer does not see: at most 20, names of 1 to 40 and values of at most
   * 500 characters; not for AMP
   * @throws {WalletError} `invalidInput`
   */
  async receive(options?: {
    amountMsat?: bigint;
    description?: string;
    expirySecs?: number;
    amp?: boolean;
    metadata?: Record<string, string>;
  }): Promise<PaymentRequest> {
    const names = { amountMsat: true, description: true, expirySecs: true, amp: true, metadata: true } as const;
    const { amountMsat, description = '', expirySecs, amp = false, metadata = {} } = named('receive', options, names);
    return this.ask({
      method: 'receive',
      amountMsat: amount('amountMsat', amountMsat),
      description: text('description', description),
      expirySecs: expirySecs ?? null,
      amp,
      metadata: texts('metadata', metadata),
    });
  }

  /**
   * Cancels an invoice that nobody has paid: its payment has failed then (`cancelled`), and whoever pays it later gets the money
   * back. Not for AMP: an invoice that is paid by AMP ends when it expires.
   * @param id the payment's id: `paymentHash` of what `receive` returned
   * @throws {WalletError} `invalidInput`: no unpaid invoice of this wallet has this id, or its money is arriving already
   */
  async cancelInvoice(id: string): Promise<void> {
    return this.ask({ method: 'cancelInvoice', id: text('id', id) });
  }
}
