/** Any WebLN wallet as a payer of paid requests. */

import { invoiceFacts } from '../../base/bolt11.ts';
import { having, must } from '../../base/kinds.ts';
import { failureOf } from '../errors.ts';
import { PaidFetchError } from '../http402/errors.ts';
import type { Payer } from '../http402/types.ts';
import type { Outcome } from '../types.ts';

/** The part of WebLN that is used: `enable` asks the user, once, and `sendPayment` answers with the preimage in hex. */
export interface WeblnLike {
  /** Rejects when the user says no. */
  enable(): Promise<unknown>;
  /** Pays an invoice; `preimage` in hex proves it. Rejects when it was not paid, or nobody knows. */
  sendPayment(invoice: string): Promise<{ readonly preimage: string }>;
}

/** Words with which wallets say that the user, or they, did not pay. */
const UNPAID = /reject|cancel|denied|declin|insufficient|no route|not enabled/i;

/**
 * A WebLN wallet, such as `window.webln`, as `payingFetch` needs it. The invoice is read here, and what it asks for is at most
 * `maxCostMsat`; the routing fee is up to the wallet. WebLN cannot look a payment up: one whose answer was lost stays `pending`, and is
 * not made again.
 * @throws {WalletError} `invalidInput`
 */
export function weblnPayer(webln: WeblnLike): Payer {
  must(
    'webln',
    webln,
    having('a WebLN wallet, such as `window.webln`, and there is none here', 'enable', 'sendPayment'),
  );
  const outcomes = new Map<string, Outcome>();
  return {
    inspect: async (invoice) => facts(invoice),
    lookup: async (paymentHash) => outcomes.get(paymentHash) ?? { state: 'pending' },
    pay: async (invoice, { maxCostMsat }) => {
      const { paymentHash, amountMsat } = facts(invoice);
      if (amountMsat === null || amountMsat > maxCostMsat) {
        outcomes.set(paymentHash, { state: 'failed', reason: 'It costs more than is allowed.' });
        throw new PaidFetchError('tooExpensive', `At most ${maxCostMsat} msat are allowed; nothing was paid.`);
      }
      try {
        await webln.enable();
        const { preimage } = await webln.sendPayment(invoice);
        const outcome: Outcome = { state: 'succeeded', preimage: preimage.toLowerCase() };
        outcomes.set(paymentHash, outcome);
        return outcome;
      } catch (error) {
        const said = error instanceof Error ? `${error.name} ${error.message}` : String(failureOf(error)?.message);
        if (UNPAID.test(said)) outcomes.set(paymentHash, { state: 'failed', reason: said });
        throw error;
      }
    },
  };
}

function facts(invoice: string): ReturnType<Payer['inspect']> extends Promise<infer Facts> ? Facts : never {
  const read = invoiceFacts(invoice);
  if (read === null) throw new Error('This is no Lightning invoice (BOLT 11).');
  return read;
}
