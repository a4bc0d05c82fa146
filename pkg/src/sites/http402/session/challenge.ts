/**
 * The session intent of the "Payment" scheme's lightning method, as draft-lightning-session-00 writes it: challenges and
 * credentials.
 */

import { must, OBJECT } from '../../../base/kinds.ts';
import { bad, paymentCredential, readChallenges, readPayment, satOf } from '../challenge.ts';

/** A server sells by the unit, out of a deposit. */
export interface SessionChallenge {
  /** The parameters that the credential echoes. */
  readonly echo: Readonly<Record<string, string>>;
  /** Price of a unit, in millisatoshi. */
  readonly unitMsat: bigint;
  /** Name of a unit; for people. */
  readonly unitType: string | null;
  /** BOLT 11, to open the session or to add to it; `null`: there is nothing to pay. */
  readonly depositInvoice: string | null;
  /** Of the deposit, in hex; it names the session that it opens. */
  readonly paymentHash: string;
  /** Deposit as the server states it, in millisatoshi; `null`: the invoice says it. */
  readonly depositMsat: bigint | null;
  /** Until when, in milliseconds since the UNIX epoch; `null`: as long as the invoice. */
  readonly expiresMs: number | null;
}

/**
 * The purpose of a session's credential. `sessionId` is the payment hash of the first deposit and `preimage` its preimage,
 * `topUpPreimage` that of a further one, all in hex; `returnInvoice` is BOLT 11 without an amount, for what is left at the end.
 */
export type SessionAction =
  | { readonly action: 'open'; readonly preimage: string; readonly returnInvoice: string }
  | { readonly action: 'bearer'; readonly preimage: string; readonly sessionId: string }
  | { readonly action: 'topUp'; readonly sessionId: string; readonly topUpPreimage: string }
  | { readonly action: 'close'; readonly preimage: string; readonly sessionId: string };

/**
 * The session challenge in a `WWW-Authenticate` header; `null`: there is none.
 * @throws {PaidFetchError} `badChallenge` when there is one that makes no sense
 */
export function readSessionChallenge(header: string): SessionChallenge | null {
  const found = readChallenges(header).find(
    // A session's credential goes in `Authorization`.
    ({ scheme, params }) =>
      scheme === 'payment' &&
      params.get('method') === 'lightning' &&
      params.get('intent') === 'session' &&
      !params.has('header'),
  );
  if (!found) return null;
  const { echo, request, amountMsat, expiresMs } = readPayment(found.params);
  const { depositInvoice = null, paymentHash, depositAmount, unitType } = request;
  if (depositInvoice !== null && (typeof depositInvoice !== 'string' || depositInvoice === ''))
    throw bad('sends a deposit invoice that is none');
  if (typeof paymentHash !== 'string' || !/^[0-9a-f]{64}$/.test(paymentHash)) throw bad('states no payment hash');
  const depositMsat = depositAmount === undefined ? null : satOf(depositAmount);
  const unit = typeof unitType === 'string' ? unitType.slice(0, 64) : null;
  return { echo, unitMsat: amountMsat, unitType: unit, depositInvoice, paymentHash, depositMsat, expiresMs };
}

/**
 * The `Authorization` header of an action.
 * @throws {WalletError} `invalidInput`
 */
export function sessionCredential(challenge: Pick<SessionChallenge, 'echo'>, action: SessionAction): string {
  must('challenge', challenge, OBJECT);
  must('action', action, OBJECT);
  const sorted = Object.fromEntries(Object.entries(action).sort(([one], [other]) => (one < other ? -1 : 1)));
  return paymentCredential(challenge.echo, sorted);
}
