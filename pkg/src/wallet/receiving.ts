import type { ChannelOnDemand, PaymentRequest } from '../base/protocol.ts';
import { AMOUNT, FLAG, must, NAMED_TEXTS, oneOf, TEXT } from '../base/kinds.ts';
import { amount, named, U32 } from './arguments.ts';
import { OnchainRequests } from './onchain.ts';

/** Names of what `receive` takes. */
const RECEIVE = {
  amountMsat: AMOUNT,
  description: TEXT,
  expirySecs: U32,
  amp: FLAG,
  metadata: NAMED_TEXTS,
  channel: oneOf('never', 'ifNeeded'),
};

/** Requests that ask to be paid. */
export abstract class ReceivingRequests extends OnchainRequests {
  /**
   * Makes a BOLT 11 invoice. Without an amount the payer chooses.
   * @param options `amountMsat`; `description`: what the payer reads, by default nothing; `expirySecs`: seconds until the
   * invoice expires, 60 to a week, by default an hour; `amp`: for AMP, payable any number of times by whoever pays by AMP. Each of
   * its payments has an id of its own, and the `invoice`; `metadata`: names and values that come back with the payment
   * (`payment.metadata`: an order's number, say) and that the payer does not see: at most 20, names of 1 to 40 and values of at most
   * 500 characters; not for AMP; `channel`: with `'ifNeeded'` a gateway is asked for a channel first (`request.channel`), where those
   * that there are and those on their way cannot carry the amount, and there is an invoice only if it can be paid then. It costs
   * nothing now; what comes through a channel that is `trusted` is the gateway's word until its funding is confirmed. By default
   * (`'never'`) the invoice is made, and `request.missing` says what is in the way
   * @throws {WalletError} `invalidInput`; with `channel: 'ifNeeded'`, and no invoice then: `gatewayRefused`, `gatewayOffline`, `timeout`,
   * `insufficientInbound` (there is no gateway), `channelUnavailable` (a channel is on its way, and has to be confirmed first)
   */
  async receive(options?: {
    amountMsat?: bigint | undefined;
    description?: string | undefined;
    expirySecs?: number | undefined;
    amp?: boolean | undefined;
    metadata?: Record<string, string> | undefined;
    channel?: ChannelOnDemand | undefined;
  }): Promise<PaymentRequest> {
    const {
      amountMsat,
      description = '',
      expirySecs,
      amp = false,
      metadata = {},
      channel = 'never',
    } = named('receive', options, RECEIVE);
    return this.ask({
      method: 'receive',
      amountMsat: amount('amountMsat', amountMsat),
      description,
      expirySecs: expirySecs ?? null,
      amp,
      metadata,
      channel,
    });
  }

  /**
   * Cancels an invoice that nobody has paid: its payment has failed then (`cancelled`), and whoever pays it later gets the money
   * back. Not for AMP: an invoice that is paid by AMP ends when it expires.
   * @param id the payment's id: `paymentHash` of what `receive` returned
   * @throws {WalletError} `invalidInput`: no unpaid invoice of this wallet has this id, or its money is arriving already
   */
  async cancelInvoice(id: string): Promise<void> {
    return this.ask({ method: 'cancelInvoice', id: must('id', id, TEXT) });
  }
}
