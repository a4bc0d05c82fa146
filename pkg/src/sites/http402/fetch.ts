/** `fetch` that pays: a 402 is paid within the price allowed, proved, and the request sent again. */

import { KeyedMutex } from '../../base/keyed-mutex.ts';
import { AMOUNT, FUNCTION, having, must, OBJECT, type Kind } from '../../base/kinds.ts';
import { named, type Names } from '../../base/named.ts';
import { isGone, isOpen } from '../errors.ts';
import { isSecureOrigin } from '../origin.ts';
import { sha256 } from '../proof.ts';
import { STORE, type Store } from '../types.ts';
import { checkChallenge, checkDigest, type PricedFacts } from './challenge-check.ts';
import { authorization, chooseChallenge, credentialHeader, type Challenge, type Usable } from './challenge.ts';
import { PaidFetchError } from './errors.ts';
import { pending, Purchases, receiptOf, requestName, type Paid, type Purchase } from './purchases.ts';
import { deliveryFailure } from './response-check.ts';
import type { Payer, Receipt } from './types.ts';
import { unreadable } from './unreadable.ts';

/** Returns a 402 that offers a session. */
export interface SessionKeeper {
  /** The answer to `request`, paid for by a session; `null`: the 402 offers none. Rejects as {@link payingFetch} does. */
  meet(request: Request, refused: Response): Promise<Response | null>;
}

/** An origin that took money and did not deliver wants more. */
export interface UntrustedOrigin {
  /** Such as `https://news.example`. */
  readonly origin: string;
  /** Amount that it wants now, in millisatoshi. */
  readonly amountMsat: bigint;
  /** Receipts of what was paid to anybody and brought nothing, newest first. */
  readonly undelivered: readonly Receipt[];
}

/** Parts and options of {@link payingFetch}. */
export interface PayingFetchOptions {
  /** Pays. */
  readonly payer: Payer;
  /**
   * Store of what outlives the program: what was bought, from before funds are sent until it is there. It is as good as money:
   * not for other
   * sites, not for logs. When it fails, nothing is paid. One program at a time uses it.
   */
  readonly store: Store;
  /** Most that one request may cost, routing fee included, in millisatoshi. */
  readonly maxCostMsat: bigint;
  /**
   * Asks the user whether an origin that did not deliver is paid again; without it, it is not (`untrusted`). What it
   * rejects with is thrown.
   */
  readonly confirm?: ((untrusted: UntrustedOrigin) => Promise<boolean>) | undefined;
  /** Sessions with servers that sell by the unit ({@link PaymentSessions}); without it they are not paid. */
  readonly sessions?: SessionKeeper | undefined;
  /** By default the environment's, and rejects as that does. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Milliseconds since the UNIX epoch; by default the environment's clock. */
  readonly now?: (() => number) | undefined;
}

/** Redirects of one request that lead to a site which wants money. */
const MAX_LED = 3;
/** Headers that are for the origin which the caller asked, as `fetch` itself has it with redirects. */
const SECRET_HEADERS = ['authorization', 'cookie', 'cookie2', 'payment-authorization', 'proxy-authorization'];

/**
 * A `fetch` that pays. Credentials of L402 are used again for their origin; a charge of the "Payment" scheme is paid for each
 * request. Requests of one origin that have to pay wait for each other, so that one credential is bought once. A request that
 * paid and was interrupted is answered by what was paid when it is made again.
 *
 * The function that comes back throws {@link PaidFetchError}, and what `fetch` itself throws.
 * @throws {WalletError} `invalidInput`: a part is missing or not what it should be, or there is an option that it does not know
 */
export function payingFetch(options: PayingFetchOptions): typeof globalThis.fetch {
  const client = new Client(named('payingFetch', options, OPTIONS, ['payer', 'store', 'maxCostMsat']));
  return (input, init) => client.fetch(new Request(input, init));
}

/** What pays, of {@link payingFetch} and of sessions. */
export const PAYER: Kind = having('what pays, such as `walletPayer(wallet)`', 'inspect', 'pay', 'lookup');
const OPTIONS: Names<PayingFetchOptions> = {
  payer: PAYER,
  store: STORE,
  maxCostMsat: AMOUNT,
  confirm: FUNCTION,
  sessions: having('`new PaymentSessions({ … })`', 'meet'),
  fetch: FUNCTION,
  now: FUNCTION,
};

const receipts = new WeakMap<Response, Receipt>();

/**
 * The receipt of an answer that `payingFetch` has given: what opened it. A credential that is used again has the receipt of when it was
 * bought (`at`). `null`: it cost nothing, or it is of a session or a copy.
 * @throws {WalletError} `invalidInput`
 */
export const receiptFor = (response: Response): Receipt | null =>
  receipts.get(must('response', response, OBJECT)) ?? null;

/** A request that was refused with 402. */
interface Refused {
  readonly request: Request;
  readonly origin: string;
  /** The credential that it was sent with. */
  readonly shown: Purchase | null;
  readonly usable: Usable;
  /** The 402. */
  readonly response: Response;
}

class Client {
  readonly #options: PayingFetchOptions;
  readonly #purchases: Purchases;
  readonly #fetch: typeof globalThis.fetch;
  readonly #now: () => number;
  readonly #mutex = new KeyedMutex();

  constructor(options: PayingFetchOptions) {
    const { payer, store, fetch = globalThis.fetch, now = Date.now } = options;
    this.#options = options;
    this.#purchases = new Purchases({
      store,
      lookup: (paymentHash) => payer.lookup(paymentHash),
      keepsProofs: true,
      now,
    });
    // A browser's fetch wants to be called as nobody's method.
    this.#fetch = (...call) => fetch(...call);
    this.#now = now;
  }

  async fetch(request: Request, led = 0): Promise<Response> {
    const { origin } = new URL(request.url);
    // Somebody else's way to authenticate is not mixed with ours, unless ours goes in a header of its own.
    const own = request.headers.has('authorization');
    const usable: Usable = (challenge) => !own || credentialHeader(challenge) !== 'Authorization';
    const known = own ? null : await this.#purchases.credential(origin);
    const shown = known !== null && known.state !== 'paying' ? await this.#purchases.settle(known) : null;
    const response = shown ? await this.#show(request, shown) : await this.#fetch(request.clone());
    if (shown?.state === 'kept' && response.status === 401) return this.#renew({ request, origin, usable }, shown, led);
    if (response.status !== 402) return shown ? this.#judged(request, shown, response) : response;
    if (own && !offers(response, usable)) return response;
    return this.#refused({ request, origin, shown, usable, response }, led, own);
  }

  /** Asks without a credential that is answered with 401 (L402). Where that costs money, it is good for nothing any more. */
  async #renew(
    { request, origin, usable }: Omit<Refused, 'shown' | 'response'>,
    old: Paid,
    led: number,
  ): Promise<Response> {
    const response = await this.#fetch(request.clone());
    if (response.status !== 402) return response;
    await this.#mutex.run(origin, () => this.#purchases.refused(old));
    return this.#refused({ request, origin, shown: null, usable, response }, led, false);
  }

  async #refused(refused: Refused, led: number, own: boolean): Promise<Response> {
    const { request, origin, response } = refused;
    // A header that is ours goes no further than its origin, so whoever wants money elsewhere is asked there.
    if (response.redirected && new URL(response.url).origin !== origin)
      return this.fetch(ledTo(request, response.url, led), led + 1);
    const inSession = own ? null : await this.#options.sessions?.meet(request, response);
    if (inSession) return inSession;
    return this.#mutex.run(origin, () => this.#meet(refused));
  }

  async #meet(refused: Refused): Promise<Response> {
    const { request, origin, shown, usable } = refused;
    const body = request.body === null ? new ArrayBuffer() : await request.clone().arrayBuffer();
    const name = requestName(
      request.method,
      request.url,
      body.byteLength === 0 ? '' : await sha256(new Uint8Array(body)),
    );
    let { response } = refused;
    // While this request waited for its turn another one may have bought a credential, or an earlier one was interrupted after
    // it had paid: that is tried before anything is paid.
    const kept = await this.#purchases.kept(name, origin, usable);
    if (kept !== null) {
      const { purchase, fresh } = kept;
      const answer = purchase.paymentHash === shown?.paymentHash ? response : await this.#show(request, purchase);
      const takes = answer.status !== 402 && answer.status !== 401;
      if (takes || fresh) return this.#judged(request, purchase, answer);
      await this.#purchases.refused(purchase);
      if (answer.status === 402) response = answer;
    }
    return this.#buy({ ...refused, response }, name, body);
  }

  async #buy({ request, origin, usable, response }: Refused, name: string, body: ArrayBuffer): Promise<Response> {
    const header = response.headers.get('www-authenticate');
    if (header === null) throw await unreadable(response);
    const challenge = chooseChallenge(header, usable);
    refuseInsecure(request.url);
    const { paymentHash, amountMsat } = await this.#check(challenge, body);
    await this.#trust(origin, amountMsat, response);
    const { url } = request;
    const purchase: Purchase = {
      challenge,
      url,
      request: name,
      tabId: null,
      state: 'paying',
      paymentHash,
      amountMsat,
      preimage: null,
      at: this.#now(),
    };
    // Noted before funds are sent: whoever comes next finds the payment instead of making another.
    await this.#purchases.put(purchase);
    const paid = await this.#pay(purchase, origin);
    return this.#judged(request, paid, await this.#show(request, paid));
  }

  /** All that can be said before money moves. */
  async #check(challenge: Challenge, body: ArrayBuffer): Promise<PricedFacts> {
    const { payer, maxCostMsat } = this.#options;
    const facts = await payer.inspect(challenge.invoice).catch((cause: unknown) => {
      // The wallet's own state is not the server's fault.
      if (isGone(cause)) throw new PaidFetchError('notPaid', `It was not paid: ${text(cause)}`, { cause });
      throw new PaidFetchError('badChallenge', `The server's invoice cannot be paid: ${text(cause)}`, { cause });
    });
    checkChallenge(challenge, facts, this.#now());
    await checkDigest(challenge, body);
    if (facts.amountMsat > maxCostMsat) {
      const message = `This costs ${facts.amountMsat} msat and at most ${maxCostMsat} msat are allowed; nothing was paid.`;
      throw new PaidFetchError('tooExpensive', message);
    }
    return facts;
  }

  /** Refuses an origin that took money for nothing, unless the user allows it. */
  async #trust(origin: string, amountMsat: bigint, response: Response): Promise<void> {
    if (!(await this.#purchases.isUntrusted(origin))) return;
    const undelivered = await this.#purchases.undelivered();
    if (await this.#options.confirm?.({ origin, amountMsat, undelivered })) return;
    const receipt = undelivered.find(({ url }) => new URL(url).origin === origin) ?? null;
    const message = `${origin} was paid before and did not deliver; now it wants ${amountMsat} msat. Nothing more was paid.`;
    throw new PaidFetchError('untrusted', message, { response, receipt });
  }

  async #pay(purchase: Purchase, origin: string): Promise<Paid> {
    const { payer, maxCostMsat } = this.#options;
    const outcome = await payer
      .pay(purchase.challenge.invoice, { origin, maxCostMsat })
      .catch(async (cause: unknown) => {
        // Whether anything left is what the wallet's own record says, not the way in which the call ended.
        const recorded = await payer.lookup(purchase.paymentHash).catch(() => null);
        if (recorded === null || (recorded.state === 'failed' && isOpen(cause))) throw pending(cause);
        return recorded.state === 'failed' ? { state: 'failed' as const, reason: text(cause), cause } : recorded;
      });
    if (outcome.state === 'pending') throw pending();
    if (outcome.state === 'failed') {
      await this.#purchases.remove(purchase);
      const { reason, cause } = { cause: undefined, ...outcome };
      throw new PaidFetchError('notPaid', `It was not paid: ${reason}`, { cause });
    }
    return this.#purchases.paid(purchase, outcome.preimage);
  }

  /** Sends a copy, so that the body can be sent again, with what proves the payment. */
  async #show(request: Request, purchase: Paid): Promise<Response> {
    const { challenge, preimage } = purchase;
    refuseInsecure(request.url);
    const header = credentialHeader(challenge);
    // Browsers take `Authorization` away where a redirect leads to another origin, and no other header.
    const bound = header !== 'Authorization' && request.redirect === 'follow';
    const copy = new Request(request.clone(), { cache: 'no-store', ...(bound ? { redirect: 'error' as const } : {}) });
    copy.headers.set(header, authorization(challenge, preimage));
    try {
      return await this.#fetch(copy);
    } catch (cause) {
      // Whoever gave up himself knows that there is no answer.
      if (purchase.state === 'kept') throw cause;
      await this.#purchases.failed(purchase, false);
      throw notDelivered(purchase, { what: 'did not answer', final: false }, { cause });
    }
  }

  /** The answer, if it holds what was paid for. One to a credential that brought something before is the caller's to judge. */
  async #judged(request: Request, purchase: Paid, response: Response): Promise<Response> {
    receipts.set(response, receiptOf(purchase));
    if (purchase.state === 'kept') return response;
    const lack = await deliveryFailure(request, response);
    if (lack === null) {
      await this.#purchases.delivered(purchase);
      return response;
    }
    await this.#purchases.failed(purchase, lack.final);
    throw notDelivered(purchase, lack, { response });
  }
}

/** Returns whether a 402 holds a challenge that may be answered. */
function offers(response: Response, usable: Usable): boolean {
  try {
    chooseChallenge(response.headers.get('www-authenticate') ?? '', usable);
    return true;
  } catch {
    return false;
  }
}

/**
 * The same request, made where a redirect led it, without what proves to the first site who asks. Only one that asks for nothing to be
 * done can be made again elsewhere.
 * @throws {PaidFetchError} `badChallenge`
 */
function ledTo(request: Request, url: string, led: number): Request {
  if (led >= MAX_LED || (request.method !== 'GET' && request.method !== 'HEAD')) {
    const message = 'The request was led to another site, which wants money; nothing was paid. Ask that site itself.';
    throw new PaidFetchError('badChallenge', message);
  }
  const elsewhere = new Request(url, request);
  for (const name of SECRET_HEADERS) elsewhere.headers.delete(name);
  return elsewhere;
}

const text = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

function notDelivered(
  purchase: Paid,
  { what, final }: { what: string; final: boolean },
  more: { response?: Response; cause?: unknown },
): PaidFetchError {
  const usedUp = final && purchase.challenge.kind === 'charge';
  const next = usedUp ? 'What was paid for is used up.' : 'What proves the payment is kept: ask for the page again.';
  const message = `Paid, but the server ${what}. ${next} The receipt has the proof of payment.`;
  return new PaidFetchError('notDelivered', message, { receipt: receiptOf(purchase), ...more });
}

/**
 * A credential is sent over TLS, or to this machine.
 * @throws {PaidFetchError} `insecure`
 */
export function refuseInsecure(url: string): void {
  if (isSecureOrigin(new URL(url).origin)) return;
  throw new PaidFetchError(
    'insecure',
    'The server wants money over plain HTTP, where anybody on the way could use what is paid for; nothing was paid.',
  );
}
