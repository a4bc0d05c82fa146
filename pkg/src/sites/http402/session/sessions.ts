/**
 * Sessions of the "Payment" scheme's lightning method (draft-lightning-session-00): a deposit opens one, requests show its
 * preimage, more is deposited when it is used up, and what is left comes back at the end.
 */

import { bindMethods } from '../../../base/bound.ts';
import { ADDRESS, AMOUNT, FUNCTION, having, must, OBJECT, REQUEST, whole } from '../../../base/kinds.ts';
import { named, type Names } from '../../../base/named.ts';
import { KeyedMutex } from '../../../base/keyed-mutex.ts';
import { isOpen } from '../../errors.ts';
import { proves } from '../../proof.ts';
import { checkChallenge } from '../challenge-check.ts';
import { bad } from '../challenge.ts';
import { PaidFetchError } from '../errors.ts';
import { PAYER, refuseInsecure } from '../fetch.ts';
import { pending } from '../purchases.ts';
import { accountAt, deposited, type Deposit, type Session, type SessionAccount } from './account.ts';
import { readSessionChallenge, sessionCredential, type SessionAction, type SessionChallenge } from './challenge.ts';
import { watchEvents } from './events.ts';
import type { PaymentSessionsOptions } from './options.ts';

/** Outcome of a session's end. */
export interface Closed {
  /** Amount that the server owes back, in millisatoshi; it arrives as a payment. */
  readonly refundMsat: bigint;
  /** State of the refund, as the server reports it. */
  readonly refund: 'succeeded' | 'failed' | 'skipped';
}

/** Default of `totalMs`. */
const TOTAL_MS = 24 * 3_600_000;
/** The draft recommends a return invoice that is good for 30 days. */
const RETURN_SECS = 30 * 24 * 3_600;

const OPTIONS: Names<PaymentSessionsOptions> = {
  payer: PAYER,
  store: having('a store of sessions', 'get', 'set', 'delete'),
  returnInvoice: FUNCTION,
  maxDepositMsat: AMOUNT,
  maxTotalMsat: AMOUNT,
  totalMs: whole(0, Number.MAX_SAFE_INTEGER),
  confirm: FUNCTION,
  onProblem: FUNCTION,
  fetch: FUNCTION,
  now: FUNCTION,
};
const REQUIRED = ['payer', 'store', 'returnInvoice', 'maxDepositMsat', 'maxTotalMsat'] as const;

/** Keeps sessions with origins, and pays what they need. */
export class PaymentSessions {
  readonly #options: PaymentSessionsOptions;
  readonly #fetch: typeof globalThis.fetch;
  readonly #now: () => number;
  /** Serializes work on each origin's session. */
  readonly #mutex = new KeyedMutex();
  readonly #topUps = new Map<string, Promise<void>>();

  /**
   * Does nothing yet.
   * @throws {WalletError} `invalidInput`: a part is missing or not what it should be, or there is an option that it does not know
   */
  constructor(options: PaymentSessionsOptions) {
    named('PaymentSessions', options, OPTIONS, REQUIRED);
    bindMethods(this);
    this.#options = options;
    const { fetch = globalThis.fetch, now = Date.now } = options;
    this.#fetch = (...call) => fetch(...call);
    this.#now = now;
  }

  /**
   * Returns a 402 that offers a session: with the origin's session, or with a new one. A body of server-sent events is watched,
   * and more deposited when the server asks for it. `null`: the 402 offers none.
   * @throws {PaidFetchError} and what `fetch` throws
   */
  async meet(request: Request, refused: Response): Promise<Response | null> {
    must('request', request, REQUEST);
    must('refused', refused, OBJECT);
    const { origin } = new URL(request.url);
    const challenge = challengeOf(refused, origin);
    if (challenge === null) return null;
    refuseInsecure(request.url);
    const response = await this.#mutex.run(origin, () => this.#show(request, origin, challenge));
    const type = response.headers.get('content-type') ?? '';
    if (response.body === null || !type.startsWith('text/event-stream')) return response;
    const topUp = () => void this.#topUp(request, origin).catch((error: unknown) => this.#options.onProblem?.(error));
    return new Response(watchEvents(response.body, topUp), response);
  }

  /**
   * Ends the session with an origin, asked for by a request that costs money there: what is left is paid back to this wallet.
   * `null`: there is none.
   * @throws {PaidFetchError} and what `fetch` throws; the session is kept
   */
  async close(input: RequestInfo | URL, init?: RequestInit): Promise<Closed | null> {
    must('input', input, ADDRESS);
    const request = new Request(input, init);
    const { origin } = new URL(request.url);
    return this.#mutex.run(origin, async () => {
      const session = await this.#settled(origin);
      if (session === null) return null;
      const { preimage, sessionId } = session;
      const challenge = await this.#challenge(request);
      const response = await this.#send(request, challenge, { action: 'close', preimage, sessionId });
      const answer: unknown = response.ok ? await response.json().catch(() => null) : null;
      const { status, refundSats, refundStatus } = (answer ?? {}) as Record<string, unknown>;
      if (status !== 'closed') throw notDelivered(`answered ${response.status} when the session was to end`, response);
      await this.#end(origin, session, false);
      const refund = (['succeeded', 'failed', 'skipped'] as const).find((known) => known === refundStatus) ?? 'failed';
      const sats =
        typeof refundSats === 'number' && Number.isSafeInteger(refundSats) && refundSats > 0 ? refundSats : 0;
      return { refundMsat: BigInt(sats) * 1000n, refund };
    });
  }

  /** Shows the origin's session, opening or filling it as needed. */
  async #show(request: Request, origin: string, challenge: SessionChallenge): Promise<Response> {
    const session = await this.#settled(origin);
    if (session === null) return this.#openNew(request, origin, challenge);
    if (session.open !== null) await this.#credit(request, origin, session);
    const { preimage, sessionId } = session;
    const response = await this.#send(request, challenge, { action: 'bearer', preimage, sessionId });
    if (response.status !== 402) return response;
    const next = challengeOf(response, origin);
    if (next === null) throw notDelivered('does not take the session any more', response);
    const problem = await problemOf(response);
    if (problem === 'session-closed' || problem === 'session-not-found') {
      // The draft: a rejection is the signal to open a new one. It is also how a server would keep what is left of each.
      await this.#end(origin, session, true);
      return this.#openNew(request, origin, next);
    }
    if (problem !== 'insufficient-balance') throw notDelivered('does not take the session any more', response);
    await this.#deposit(request, origin, next, session);
    const again = await this.#send(request, await this.#challenge(request), { action: 'bearer', preimage, sessionId });
    if (again.status === 402) throw notDelivered('wants money again', again);
    return again;
  }

  async #openNew(request: Request, origin: string, challenge: SessionChallenge): Promise<Response> {
    const before = await this.#options.store.get(origin);
    const account = this.#account(before);
    const deposit = await this.#check(challenge, 0n, account);
    if (account.doubted) await this.#trust(origin, deposit, account);
    const returnInvoice = await this.#options.returnInvoice(RETURN_SECS);
    const { paymentHash: sessionId, amountMsat: depositedMsat } = deposit;
    const session: Session = {
      sessionId,
      preimage: null,
      returnInvoice,
      depositedMsat,
      open: deposit,
      account: deposited(account, depositedMsat),
    };
    // Before funds are sent, as everywhere.
    await this.#options.store.set(origin, session);
    await this.#pay(origin, challenge);
    const paid = await this.#settled(origin);
    if (paid === null) throw new PaidFetchError('notPaid', 'It was not paid: the wallet has no record of the deposit.');
    return this.#open(request, origin, paid);
  }

  /** Tells the server that the first deposit is paid. It answers with what was asked for. */
  async #open(request: Request, origin: string, session: PaidSession): Promise<Response> {
    const { preimage, returnInvoice, open } = session;
    if (open === null) throw new Error('the deposit is credited already');
    const response = await this.#send(request, open, { action: 'open', preimage, returnInvoice });
    if (response.status === 402) throw notDelivered('does not take the deposit', response);
    await this.#options.store.set(origin, {
      ...session,
      open: null,
      account: { ...this.#account(session), doubted: false },
    });
    return response;
  }

  /** What was deposited with an origin, as its last session has it. */
  #account(session: Session | null): SessionAccount {
    return accountAt(session, this.#now(), this.#options.totalMs ?? TOTAL_MS);
  }

  /** What stays of a session is its origin's account. */
  async #end(origin: string, session: Session, doubted: boolean): Promise<void> {
    const account = { ...this.#account(session), doubted };
    await this.#options.store.set(origin, { ...session, open: null, ended: true, account });
  }

  /** Refuses an origin that ended a session by itself, unless the user allows it. */
  async #trust(origin: string, deposit: Deposit, account: SessionAccount): Promise<void> {
    const [amountMsat, depositedMsat] = [BigInt(deposit.amountMsat), BigInt(account.depositedMsat)];
    if (await this.#options.confirm?.({ origin, amountMsat, depositedMsat })) return;
    const message = `${origin} ended a session by itself, and what was left of it is not known to have come back; now it wants a deposit of ${amountMsat} msat. Nothing more was paid.`;
    throw new PaidFetchError('untrusted', message);
  }

  /** One more deposit at a time, however many streams wait for it. */
  #topUp(request: Request, origin: string): Promise<void> {
    const running = this.#topUps.get(origin);
    if (running) return running;
    const work = this.#mutex
      .run(origin, async () => {
        const session = await this.#settled(origin);
        if (session !== null) await this.#deposit(request, origin, await this.#challenge(request), session);
      })
      .finally(() => this.#topUps.delete(origin));
    this.#topUps.set(origin, work);
    return work;
  }

  async #deposit(request: Request, origin: string, challenge: SessionChallenge, session: PaidSession): Promise<void> {
    const account = this.#account(session);
    const open = await this.#check(challenge, BigInt(session.depositedMsat), account);
    const depositedMsat = String(BigInt(session.depositedMsat) + BigInt(open.amountMsat));
    const more = { depositedMsat, open, account: deposited(account, open.amountMsat) };
    await this.#options.store.set(origin, { ...session, ...more });
    await this.#pay(origin, challenge);
    const paid = await this.#settled(origin);
    if (paid?.open) await this.#credit(request, origin, paid);
  }

  /** Tells the server of a deposit that is paid and not credited. The first one it has to be told with `open`. */
  async #credit(request: Request, origin: string, session: PaidSession): Promise<void> {
    const { open, sessionId } = session;
    if (open?.preimage == null) return;
    if (open.paymentHash === sessionId) {
      discard(await this.#open(request, origin, session));
      return;
    }
    const response = await this.#send(request, open, { action: 'topUp', sessionId, topUpPreimage: open.preimage });
    if (!response.ok) throw notDelivered(`answered ${response.status} to the deposit`, response);
    discard(response);
    await this.#options.store.set(origin, { ...session, open: null });
  }

  /** The origin's session with its deposits looked up; `null`: there is none that is paid for. Throws `pending`. */
  async #settled(origin: string): Promise<PaidSession | null> {
    const session = await this.#options.store.get(origin);
    if (session === null || session.ended) return null;
    const { open, preimage, sessionId } = session;
    if (open === null || open.preimage !== null) return preimage === null ? null : { ...session, preimage };
    const outcome = await this.#options.payer.lookup(open.paymentHash);
    if (outcome.state === 'pending') {
      throw new PaidFetchError(
        'pending',
        'The deposit is under way and not decided yet; ask again in a while, it is not paid twice.',
      );
    }
    if (outcome.state === 'failed') return this.#withdrawn(origin, session, open);
    if (!(await proves(outcome.preimage, open.paymentHash))) {
      throw new PaidFetchError(
        'badProof',
        'The wallet says that it paid, but its proof does not fit the invoice; see the history.',
      );
    }
    const first = open.paymentHash === sessionId ? outcome.preimage : preimage;
    const paid: Session = { ...session, preimage: first, open: { ...open, preimage: outcome.preimage } };
    await this.#options.store.set(origin, paid);
    return first === null ? null : { ...paid, preimage: first };
  }

  /** A deposit that failed leaves what was there before it. */
  async #withdrawn(origin: string, session: Session, open: Deposit): Promise<PaidSession | null> {
    const account = deposited(this.#account(session), `-${open.amountMsat}`);
    const { preimage } = session;
    if (preimage === null) {
      if (account.depositedMsat === '0' && !account.doubted) await this.#options.store.delete(origin);
      else await this.#options.store.set(origin, { ...session, open: null, ended: true, account });
      return null;
    }
    const depositedMsat = String(BigInt(session.depositedMsat) - BigInt(open.amountMsat));
    const before = { ...session, preimage, depositedMsat, open: null, account };
    await this.#options.store.set(origin, before);
    return before;
  }

  /** All that can be said of a deposit before money moves. */
  async #check(challenge: SessionChallenge, depositedMsat: bigint, account: SessionAccount): Promise<Deposit> {
    const { depositInvoice, paymentHash, depositMsat, expiresMs, unitMsat, echo } = challenge;
    const { payer, maxDepositMsat, maxTotalMsat } = this.#options;
    if (depositInvoice === null) throw bad('sends no invoice for the deposit');
    const facts = await payer.inspect(depositInvoice).catch((cause: unknown) => {
      throw bad('sends an invoice for the deposit that cannot be paid', { cause });
    });
    // The draft names no network: the wallet refuses an invoice of another one.
    const stated = {
      amountMsat: depositMsat ?? facts.amountMsat ?? 0n,
      network: facts.network,
      paymentHash,
      expiresMs,
    };
    checkChallenge({ kind: 'charge', echo, invoice: depositInvoice, ...stated }, facts, this.#now());
    const { amountMsat } = facts;
    if (amountMsat < unitMsat) throw bad('asks for a deposit of less than one unit');
    const lately = BigInt(account.depositedMsat);
    const inAllMsat = (lately > depositedMsat ? lately : depositedMsat) + amountMsat;
    if (amountMsat > maxDepositMsat || inAllMsat > maxTotalMsat) {
      const limits = `at most ${maxDepositMsat} msat at once and ${maxTotalMsat} msat in all with this site`;
      throw new PaidFetchError(
        'tooExpensive',
        `The deposit is ${amountMsat} msat, and ${limits} are allowed; nothing was paid.`,
      );
    }
    return { echo, paymentHash, preimage: null, amountMsat: String(amountMsat) };
  }

  /** Pays; {@link #settled} finds the outcome. */
  async #pay(origin: string, { depositInvoice, paymentHash }: SessionChallenge): Promise<void> {
    const { payer, maxDepositMsat } = this.#options;
    try {
      const outcome = await payer.pay(depositInvoice ?? '', { origin, maxCostMsat: maxDepositMsat });
      if (outcome.state === 'failed') throw new Error(outcome.reason);
    } catch (cause) {
      if (isOpen(cause)) throw pending(cause);
      if ((await payer.lookup(paymentHash)).state !== 'failed') return;
      await this.#settled(origin);
      throw new PaidFetchError(
        'notPaid',
        `It was not paid: ${cause instanceof Error ? cause.message : String(cause)}`,
        { cause },
      );
    }
  }

  /** A fresh challenge: the draft has one for each credential, got by asking without one. */
  async #challenge(request: Request): Promise<SessionChallenge> {
    const response = await this.#fetch(new Request(request.clone(), { cache: 'no-store' }));
    discard(response);
    const challenge = response.status === 402 ? challengeOf(response, new URL(request.url).origin) : null;
    if (challenge === null)
      throw new PaidFetchError('badChallenge', 'The server offers no session any more. Tell the site.');
    return challenge;
  }

  #send(request: Request, challenge: Pick<SessionChallenge, 'echo'>, action: SessionAction): Promise<Response> {
    refuseInsecure(request.url);
    const copy = new Request(request.clone(), { cache: 'no-store' });
    copy.headers.set('authorization', sessionCredential(challenge, action));
    return this.#fetch(copy);
  }
}

type PaidSession = Session & { readonly preimage: string };

/** The challenge of an origin itself; what a redirect led to is another's, and is not paid for from its account. */
function challengeOf(response: Response, origin: string): SessionChallenge | null {
  if (response.url !== '' && new URL(response.url).origin !== origin) return null;
  return readSessionChallenge(response.headers.get('www-authenticate') ?? '');
}

/** The last word of the problem's type (RFC 9457), such as `session-closed`. */
async function problemOf(response: Response): Promise<string | null> {
  const body: unknown = await response
    .clone()
    .json()
    .catch(() => null);
  const type = typeof body === 'object' && body !== null ? (body as { type?: unknown }).type : null;
  return typeof type === 'string' ? (/lightning\/([a-z-]+)$/.exec(type)?.[1] ?? null) : null;
}

/** Not waited for: where a body was cloned its end waits for the clone's. */
const discard = ({ body }: Response): void => void body?.cancel().catch(() => {});

const notDelivered = (what: string, response: Response): PaidFetchError =>
  new PaidFetchError(
    'notDelivered',
    `Paid, but the server ${what}. The session is kept: ask again. The history has the proof of payment.`,
    { response },
  );
