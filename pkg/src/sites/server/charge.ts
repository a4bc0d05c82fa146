/** The server's side of the "Payment" scheme's lightning charge (draft-lightning-charge-00). Challenges are not kept: they are signed. */

import { invoiceFacts } from '../../base/bolt11.ts';
import { proves } from '../proof.ts';
import { base64url, fromBase64, hmac, same } from './hmac.ts';
import type { IssuedInvoice } from './types.ts';

/** Parameters that are signed, sorted. */
const SIGNED = ['expires', 'intent', 'method', 'realm', 'request'] as const;

/** Server and request that a challenge is for. */
export interface ChargeContext {
  readonly secret: string | Uint8Array;
  readonly realm: string;
  /** Names the request: the challenge is for no other. */
  readonly request: string;
  /** Milliseconds since the UNIX epoch. */
  readonly nowMs: number;
}

/** A credential that is right, or what is wrong with it (RFC 9457: the type's last part, and what to do). */
export type ChargeCheck =
  | { readonly paymentHash: string; readonly id: string; readonly expiresMs: number }
  | { readonly problem: string; readonly detail: string };

/** The challenge, a value of `WWW-Authenticate`. */
export async function chargeChallenge(
  context: ChargeContext,
  issued: IssuedInvoice,
  description: string,
): Promise<string> {
  const facts = invoiceFacts(issued.invoice);
  const request = base64url(
    JSON.stringify({
      amount: String((facts?.amountMsat ?? 0n) / 1000n),
      currency: 'sat',
      description,
      methodDetails: { invoice: issued.invoice, network: facts?.network, paymentHash: issued.paymentHash },
    }),
  );
  const expires = new Date(issued.expiresAt * 1000).toISOString().replace('.000', '');
  const echo = { expires, intent: 'charge', method: 'lightning', realm: context.realm, request };
  const params = { id: base64url(await sign(context, echo)), ...echo };
  return `Payment ${Object.entries(params)
    .map(([name, value]) => `${name}="${value}"`)
    .join(', ')}`;
}

/** Checks a credential: what stands after `Payment `. */
export async function checkCharge(context: ChargeContext, credential: string): Promise<ChargeCheck> {
  const read = readCredential(credential);
  if (read === null)
    return { problem: 'malformed-credential', detail: 'Send base64url of {challenge, payload: {preimage}}.' };
  const { challenge, preimage } = read;
  const id = challenge['id'] ?? '';
  if (!same(await sign(context, challenge), fromBase64(id) ?? new Uint8Array()))
    return { problem: 'unknown-challenge', detail: 'Not made here, not for this request, or changed: ask again.' };
  const expiresMs = Date.parse(challenge['expires']!);
  if (expiresMs <= context.nowMs)
    return { problem: 'expired-invoice', detail: 'The challenge has expired: ask again.' };
  const { methodDetails } = JSON.parse(new TextDecoder().decode(fromBase64(challenge['request']!)!)) as {
    methodDetails: { paymentHash: string };
  };
  const { paymentHash } = methodDetails;
  if (!(await proves(preimage, paymentHash)))
    return { problem: 'invalid-preimage', detail: 'SHA-256 of the preimage is not the payment hash.' };
  return { paymentHash, id, expiresMs };
}

/** The value of `Payment-Receipt`. */
export const chargeReceipt = (id: string, paymentHash: string, nowMs: number): string =>
  base64url(
    JSON.stringify({
      challengeId: id,
      method: 'lightning',
      reference: paymentHash,
      status: 'success',
      timestamp: new Date(nowMs).toISOString(),
    }),
  );

async function sign({ secret, request }: ChargeContext, echo: Readonly<Record<string, string>>): Promise<Uint8Array> {
  return hmac(
    await hmac(secret, 'amplet/charge'),
    JSON.stringify([request, ...SIGNED.map((name) => echo[name] ?? '')]),
  );
}

function readCredential(credential: string): { challenge: Record<string, string>; preimage: string } | null {
  try {
    const { challenge, payload } = JSON.parse(new TextDecoder().decode(fromBase64(credential)!)) as {
      challenge: Record<string, string>;
      payload: { preimage: string };
    };
    const right = [...SIGNED, 'id'].every((name) => typeof challenge[name] === 'string');
    return right && /^[0-9a-f]{64}$/.test(payload.preimage) ? { challenge, preimage: payload.preimage } : null;
  } catch {
    return null;
  }
}
