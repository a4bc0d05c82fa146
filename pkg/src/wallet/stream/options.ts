import { WalletError } from '../../base/error.ts';
import type { Authorization, Payment } from '../../base/protocol.ts';
import { required, text } from '../arguments.ts';

/** Whom a stream pays, how much, and for whom. */
export interface StreamOptions {
  /** The payee's node id, in hex (`nodeId`), and the name that the payee gave this session, 1 to 64 bytes (`session`). */
  to: { nodeId: string; session: string };
  /** What a second costs, in msat. Give this, or `unitMsat`, or both. */
  ratePerSecondMsat?: bigint;
  /** What a unit costs, in msat: see `add`. */
  unitMsat?: bigint;
  /** What the payee lets be used before it is paid, in msat. */
  creditMsat: bigint;
  /** Whose budget pays, by default the user's; without `approvedMsat`. */
  authorization?: Authorization;
  /** Greatest fee of each payment, in msat; by default 1 % of it and at least 2 sat. */
  maxFeeMsat?: bigint;
  /** Whether it pauses while the page is hidden; by default it does. */
  pauseWhenHidden?: boolean;
  /**
   * What this session had used in all when an earlier run of its line ended unexpectedly, in msat (`paidMsat`, `pendingMsat` and
   * `owedMsat` of its last state together): what is missing of it is owed, at most `creditMsat`. Counted by the line, it is paid once.
   */
  usedMsat?: bigint;
}

/**
 * Why a stream does not run: `caller` paused it, the page is `hidden`, the network or the gateway is gone (`offline`), the
 * `budget` refuses or asks, payments are `failing` (it tries again by itself), or the payee waits for its money (`credit`).
 */
export type StreamPause = 'caller' | 'hidden' | 'offline' | 'budget' | 'failing' | 'credit';

/** How a stream stands. */
export interface StreamState {
  /** What the payee has got, in msat; over all runs of this session. */
  readonly paidMsat: bigint;
  /** What that cost on top, in msat. */
  readonly feeMsat: bigint;
  /** What is on its way, in msat. */
  readonly pendingMsat: bigint;
  /** What was used and is neither paid nor on its way, in msat. */
  readonly owedMsat: bigint;
  /** How many payments arrived. */
  readonly payments: bigint;
  /** How many payments failed; no funds were sent by them. */
  readonly failed: bigint;
  /** What a second costs now, in msat: 0 while it is paused. */
  readonly ratePerSecondMsat: bigint;
  /** Why it does not run; null while it runs, and after its end. */
  readonly paused: StreamPause | null;
  /** What the budget said, or why payments fail, or why it ended; null when nothing is wrong. */
  readonly error: WalletError | null;
  /** Whether it has ended. */
  readonly ended: boolean;
}

/** How a stream ended. */
export interface StreamEnd {
  /** Its line of the history; still pending when something is on its way. */
  payment: Payment;
  /** What was used and could not be paid, in msat; 0 when both sides are settled. */
  unpaidMsat: bigint;
}

/** What a stream needs of its wallet. */
export interface StreamWallet {
  /** Begins the next payment; answers the line with it on its way. Rejects when no funds were sent. */
  pay(stream: string, amountMsat: bigint, maxFeeMsat: bigint): Promise<Payment>;
  /** Ends the stream. Rejects when the wallet has ended. */
  close(stream: string): Promise<Payment>;
  /** Calls `listener` with each change of any line; answers how to end that. */
  onPayment(listener: (payment: Payment) => void): () => void;
  /** Calls `listener` with whether a payment could leave now, now and at each change; answers how to end that. */
  onAble(listener: (able: boolean) => void): () => void;
  /** Resolves when the wallet is no longer open. */
  readonly ended: Promise<WalletError>;
}

/** Checks what a caller gave. */
export function checkStream(options: StreamOptions): void {
  text('to.nodeId', options.to?.nodeId);
  text('to.session', options.to?.session);
  const rate = required('ratePerSecondMsat', options.ratePerSecondMsat ?? 0n);
  const unit = required('unitMsat', options.unitMsat ?? 0n);
  if (options.maxFeeMsat !== undefined) required('maxFeeMsat', options.maxFeeMsat);
  if (options.usedMsat !== undefined) required('usedMsat', options.usedMsat);
  if (rate + unit === 0n || required('creditMsat', options.creditMsat) === 0n) {
    throw new WalletError(
      'invalidInput',
      'A stream has `creditMsat` above 0 and costs something: give `ratePerSecondMsat` or `unitMsat`.',
    );
  }
  if (options.authorization?.approvedMsat !== undefined) {
    throw new WalletError(
      'invalidInput',
      'A stream is no single payment that could be approved: give the holder a budget with a rate or a total, and leave `approvedMsat` out.',
    );
  }
}
