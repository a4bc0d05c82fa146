/** Sessions with origins as they are kept, and what was deposited with each over time. */

/** A deposit that is paid for and not yet credited, or under way. */
export interface Deposit {
  /** Parameters that the credential echoes. */
  readonly echo: Readonly<Record<string, string>>;
  /** In hex. */
  readonly paymentHash: string;
  /** In hex; `null` until it is paid. */
  readonly preimage: string | null;
  /** In millisatoshi, as digits. */
  readonly amountMsat: string;
}

/** What was deposited with an origin, in its session and those before. */
export interface SessionAccount {
  /** Deposits since `sinceMs`, in millisatoshi, as digits. */
  readonly depositedMsat: string;
  /** Time from which they are counted, in milliseconds since the UNIX epoch. */
  readonly sinceMs: number;
  /** True when the server ended its last session by itself: what was left is not known to have come back. */
  readonly doubted: boolean;
}

/** A session with an origin, as it is kept. The preimage is as good as money. */
export interface Session {
  /** The payment hash of the first deposit, in hex. */
  readonly sessionId: string;
  /** Its preimage, in hex; `null` until it is paid. */
  readonly preimage: string | null;
  /** Destination of what is left: BOLT 11 without an amount. */
  readonly returnInvoice: string;
  /** All that was deposited, in millisatoshi, as digits. */
  readonly depositedMsat: string;
  /** The deposit that the server has not credited yet: the first, or one more. */
  readonly open: Deposit | null;
  /** True when it has ended: it is kept for its account only. */
  readonly ended?: boolean | undefined;
  /** The origin's account; without it (in what older releases kept) there is no more than this session. */
  readonly account?: SessionAccount | undefined;
}

/** Store of sessions: one for each origin. All JSON. Every method rejects when the store fails; then nothing is paid. */
export interface SessionStore {
  /** The session of an origin, or its last; `null`: there is none. */
  get(origin: string): Promise<Session | null>;
  /** Keeps a session. */
  set(origin: string, session: Session): Promise<void>;
  /** Forgets a session. */
  delete(origin: string): Promise<void>;
}

/** The account of an origin at `nowMs`: what was deposited longer ago than `totalMs` counts no more, a doubt does. */
export function accountAt(session: Session | null, nowMs: number, totalMs: number): SessionAccount {
  const { depositedMsat = '0' } = session ?? {};
  const account = session?.account ?? { depositedMsat, sinceMs: nowMs, doubted: false };
  return nowMs - account.sinceMs >= totalMs ? { ...account, depositedMsat: '0', sinceMs: nowMs } : account;
}

/** The account with so much more, in millisatoshi, as digits; with a sign before them so much less, if it is still counted. */
export function deposited(account: SessionAccount, msat: string): SessionAccount {
  const sum = BigInt(account.depositedMsat) + BigInt(msat);
  return { ...account, depositedMsat: String(sum < 0n ? 0n : sum) };
}
