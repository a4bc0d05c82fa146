/** Whether a challenge and its invoice say the same. */

import type { Challenge } from './challenge.ts';
import { PaidFetchError } from './errors.ts';

/** What an invoice says, as the wallet read it. */
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

/** Facts of an invoice that states a price. */
export type PricedFacts = InvoiceFacts & { readonly amountMsat: bigint };

/**
 * All that can be said of a challenge before money moves.
 * @throws {PaidFetchError} `badChallenge`
 */
export function checkAgreement(challenge: Challenge, facts: InvoiceFacts, nowMs: number): asserts facts is PricedFacts {
  const wrong = (what: string) =>
    new PaidFetchError('badChallenge', `The server's challenge and its invoice differ in the ${what}; nothing was paid. Tell the site.`);
  if (facts.amountMsat === null || facts.amountMsat <= 0n) throw wrong('price: the invoice states none');
  if (challenge.kind === 'charge') {
    if (challenge.amountMsat !== facts.amountMsat) throw wrong('price');
    if (challenge.paymentHash !== null && challenge.paymentHash !== facts.paymentHash) throw wrong('payment hash');
    if (challenge.network !== facts.network) throw wrong('network');
  }
  const until = Math.min(facts.expiresMs, (challenge.kind === 'charge' ? challenge.expiresMs : null) ?? Infinity);
  if (nowMs >= until) {
    throw new PaidFetchError('badChallenge', 'The server sent a challenge that has expired; nothing was paid. Ask for the page again.');
  }
}
