/** Types that paid requests, sessions and navigation share. */

import type { Outcome } from '../types.ts';

/** Facts of an invoice, as the wallet read it. */
export interface InvoiceFacts {
  /** `null`: the payer chooses, which no price is. */
  readonly amountMsat: bigint | null;
  /** In hex. */
  readonly paymentHash: string;
  /** `mainnet`, `testnet4`, `signet` or `regtest`. */
  readonly network: string;
  /** Milliseconds since the UNIX epoch. */
  readonly expiresMs: number;
}

/**
 * The wallet, as far as a paid request needs it. The wallet's budget for `origin` has the last word. What a method rejects with is
 * shown to the user.
 */
export interface Payer {
  /** Reads and checks an invoice. Rejects with what is wrong with it. */
  inspect(invoice: string): Promise<InvoiceFacts>;
  /** Pays, within the budget of `origin` and for at most `maxCostMsat`, fee included. Rejects when no funds were sent. */
  pay(invoice: string, purpose: { readonly origin: string; readonly maxCostMsat: bigint }): Promise<Outcome>;
  /** Looks up the state of an earlier payment, by its hash in hex. Rejects when the wallet cannot say. */
  lookup(paymentHash: string): Promise<Outcome>;
}

/** Receipt for a page, or for the answer to another request. */
export interface Receipt {
  /** The page. */
  readonly url: string;
  /** Amount paid, in msat, fee not counted. */
  readonly amountMsat: bigint;
  /** In hex. */
  readonly paymentHash: string;
  /** Proof of payment, in hex; `null` while the payment is under way. */
  readonly preimage: string | null;
  /** BOLT 11: what was promised, signed by the payee. */
  readonly invoice: string;
  /** Time of the payment, in milliseconds since the UNIX epoch. */
  readonly at: number;
}
