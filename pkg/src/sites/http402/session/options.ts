/** What sessions are made with. */

import type { Payer } from '../types.ts';
import type { SessionStore } from './account.ts';

/** An origin that ended a session by itself wants another deposit: what was left of the last is not known to have come back. */
export interface DoubtedOrigin {
  /** Such as `https://llm.example`. */
  readonly origin: string;
  /** Amount that it wants now, in millisatoshi. */
  readonly amountMsat: bigint;
  /** All that was deposited with it lately, in millisatoshi. */
  readonly depositedMsat: bigint;
}

/** Parts and options of {@link PaymentSessions}. */
export interface PaymentSessionsOptions {
  /** Pays deposits. */
  readonly payer: Payer;
  /** Store of sessions. */
  readonly store: SessionStore;
  /** Makes an invoice without an amount that is good for so many seconds, for what is left at the end. Rejects when it cannot. */
  readonly returnInvoice: (expirySecs: number) => Promise<string>;
  /** Most that one deposit may cost, routing fee included, in millisatoshi. */
  readonly maxDepositMsat: bigint;
  /** Most that is deposited with one origin, in one session and in all its sessions of `totalMs`, in millisatoshi. */
  readonly maxTotalMsat: bigint;
  /** Time for which deposits with an origin are counted together, in milliseconds from the first; by default a day. */
  readonly totalMs?: number | undefined;
  /**
   * Asks the user whether an origin that ended a session by itself gets another deposit; without it, it does not (`untrusted`). What it
   * rejects with is thrown.
   */
  readonly confirm?: ((doubted: DoubtedOrigin) => Promise<boolean>) | undefined;
  /** Told why a deposit in the middle of a stream did not work; the stream then ends when the server gives up. */
  readonly onProblem?: ((error: unknown) => void) | undefined;
  /** By default the environment's, and rejects as that does. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Milliseconds since the UNIX epoch; by default the environment's clock. */
  readonly now?: (() => number) | undefined;
}
