/** Checks that a challenge and its invoice agree. */

import type { Challenge } from './challenge.ts';
import { PaidFetchError } from './errors.ts';
import { committedHash } from './macaroon.ts';
import type { InvoiceFacts } from './types.ts';

/** Facts of an invoice that states a price. */
export type PricedFacts = InvoiceFacts & { readonly amountMsat: bigint };

/**
 * All that can be said of a challenge before money moves.
 * @throws {PaidFetchError} `badChallenge`
 */
export function checkChallenge(challenge: Challenge, facts: InvoiceFacts, nowMs: number): asserts facts is PricedFacts {
  const wrong = (what: string) =>
    new PaidFetchError(
      'badChallenge',
      `The server's challenge and its invoice differ in the ${what}; nothing was paid. Tell the site.`,
    );
  if (facts.amountMsat === null || facts.amountMsat <= 0n) throw wrong('price: the invoice states none');
  if (challenge.kind === 'charge') {
    if (challenge.amountMsat !== facts.amountMsat) throw wrong('price');
    if (challenge.paymentHash !== null && challenge.paymentHash !== facts.paymentHash) throw wrong('payment hash');
    if (challenge.network !== null && challenge.network !== facts.network) throw wrong('network');
  }
  // A macaroon that is for another payment would be paid for in vain.
  const committed = challenge.kind === 'l402' ? committedHash(challenge.token) : null;
  if (committed !== null && committed !== facts.paymentHash) throw wrong('payment hash');
  const until = Math.min(facts.expiresMs, (challenge.kind === 'charge' ? challenge.expiresMs : null) ?? Infinity);
  if (nowMs >= until) {
    throw new PaidFetchError(
      'badChallenge',
      'The server sent a challenge that has expired; nothing was paid. Ask for the page again.',
    );
  }
}

/** Names of digests (RFC 9530) as Web Crypto has them. */
const DIGESTS: Readonly<Record<string, string>> = { 'sha-256': 'SHA-256', 'sha-512': 'SHA-512' };

/**
 * Checks that a challenge which is bound to the body of a request was made for this one: otherwise it would be paid for in vain.
 * @throws {PaidFetchError} `badChallenge`
 */
export async function checkDigest(challenge: Challenge, body: ArrayBuffer): Promise<void> {
  const stated = challenge.kind === 'charge' ? challenge.echo['digest'] : undefined;
  // With colons as RFC 9530 has it, or without.
  const [, name = '', value] = /^([a-z0-9-]+)=:?([A-Za-z0-9+/]+=*):?$/i.exec(stated ?? '') ?? [];
  const algorithm = Object.hasOwn(DIGESTS, name.toLowerCase()) ? DIGESTS[name.toLowerCase()] : undefined;
  if (algorithm === undefined) return;
  const digest = new Uint8Array(await crypto.subtle.digest(algorithm, body));
  if (btoa(String.fromCharCode(...digest)) === value) return;
  throw new PaidFetchError(
    'badChallenge',
    "The server's challenge is for a request with another body; nothing was paid. Tell the site.",
  );
}
