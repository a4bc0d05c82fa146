import { WalletError } from '../../base/error.ts';
import type { Authorization, Payment } from '../../base/protocol.ts';
import { AMOUNT, FLAG, must, OBJECT } from '../../base/kinds.ts';
import type { Names } from '../../base/named.ts';
import { authorized, named, required, text } from '../arguments.ts';

/** Payee, price and payer of a stream. */
export interface StreamOptions {
  /** The payee's node id, in hex (`nodeId`), and the name that the payee gave this session, 1 to 64 bytes (`session`). */
  to: { nodeId: string; session: string };
  /** Price of a second, in msat. Give this, or `unitMsat`, or both. */
  ratePerSecondMsat?: bigint | undefined;
  /** Price of a unit, in msat: see `add`. */
  unitMsat?: bigint | undefined;
  /** Credit: the amount that may be used before the payee is paid, in msat. */
  creditMsat: bigint;
  /** Authorization to pay, by default the user's; without `approvedMsat`. */
  authorization?: Authorization | undefined;
  /** Maximum fee of each payment, in msat; by default what its planned route and the retries cost, as in `Wallet.pay`. */
  maxFeeMsat?: bigint | undefined;
  /** Set to `false` to go on while the page is hidden; by default it pauses. */
  pauseWhenHidden?: boolean | undefined;
  /**
   * Amount, in msat, that this session had used in all when an earlier run of its record ended unexpectedly (`paidMsat`,
   * `pendingMsat` and
   * `owedMsat` of its last state together): what is missing of it is owed, at most `creditMsat`. Counted by the record, it is
   * paid once.
   */
  usedMsat?: bigint | undefined;
}

/**
 * Reason for which a stream does not run: `caller` paused it, the page is `hidden`, the network or the gateway is gone (`offline`), the
 * `budget` refuses or asks, payments are `failing` (it tries again by itself), or the payee waits for its money (`credit`).
 */
export type StreamPause = 'caller' | 'hidden' | 'offline' | 'budget' | 'failing' | 'credit';

/** State of a stream. */
export interface StreamState {
  /** Amount that the payee has received, in msat; over all runs of this session. */
  readonly paidMsat: bigint;
  /** Fees of that, in msat. */
  readonly feeMsat: bigint;
  /** Amount in flight, in msat. */
  readonly pendingMsat: bigint;
  /** Amount used and neither paid nor in flight, in msat. */
  readonly owedMsat: bigint;
  /** Number of payments that arrived. */
  readonly payments: bigint;
  /** Number of payments that failed; no funds were sent by them. */
  readonly failed: bigint;
  /** Present price of a second, in msat: 0 while it is paused. */
  readonly ratePerSecondMsat: bigint;
  /** Reason for which it does not run; null while it runs, and after its end. */
  readonly paused: StreamPause | null;
  /** Refusal of the budget, or the reason for which payments fail or it ended; null when nothing is wrong. */
  readonly error: WalletError | null;
  /** True when it has ended. */
  readonly ended: boolean;
}

/** Outcome of a stream. */
export interface StreamEnd {
  /** Its record of the history; still pending when something is in flight. */
  payment: Payment;
  /** Amount used that could not be paid, in msat; 0 when both sides are settled. */
  unpaidMsat: bigint;
}

/** The wallet as a stream needs it. */
export interface StreamWallet {
  /** Begins the next payment; returns the record with it in flight. Rejects when no funds were sent. */
  pay(stream: string, amountMsat: bigint, maxFeeMsat: bigint | null): Promise<Payment>;
  /** Ends the stream. Rejects when the wallet has ended. */
  close(stream: string): Promise<Payment>;
  /** Calls `listener` with each change of any record; returns a function that ends that. */
  onPayment(listener: (payment: Payment) => void): () => void;
  /** Calls `listener` with whether a payment could leave now, now and at each change; returns a function that ends that. */
  onAble(listener: (able: boolean) => void): () => void;
  /** Resolves when the wallet is no longer open. */
  readonly ended: Promise<WalletError>;
}

const NAMES: Names<StreamOptions> = {
  to: true,
  ratePerSecondMsat: AMOUNT,
  unitMsat: AMOUNT,
  creditMsat: AMOUNT,
  authorization: true,
  maxFeeMsat: AMOUNT,
  pauseWhenHidden: FLAG,
  usedMsat: AMOUNT,
};

/**
 * Checks what a caller gave.
 * @throws {WalletError} `invalidInput`
 */
export function checkStream(options: StreamOptions): void {
  const { to, authorization } = named('stream', must('options', options, OBJECT), NAMES);
  const { nodeId, session } = named('stream.to', must<StreamOptions['to']>('to', to, OBJECT), {
    nodeId: true,
    session: true,
  });
  authorized(authorization);
  text('to.nodeId', nodeId);
  text('to.session', session);
  const { ratePerSecondMsat: rate = 0n, unitMsat: unit = 0n } = options;
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
