/** `fetch` that pays: a 402 is paid within the price allowed, proved, and the request sent again. */

import { type InvoiceFacts, checkAgreement } from './agreement.ts';
import { type Challenge, type L402Challenge, authorization, chooseChallenge } from './challenge.ts';
import { PaidFetchError } from './errors.ts';
import { isSecureOrigin } from './origin.ts';
import { proves } from './proof.ts';

/** How a payment stands: `preimage`, in hex, is the proof of one that succeeded; `reason` says why one failed. */
export type Outcome =
  /** Paid; the preimage in hex. */
  | { readonly state: 'succeeded'; readonly preimage: string }
  | { readonly state: 'pending' }
  /** Nothing left, or there is no such payment. */
  | { readonly state: 'failed'; readonly reason: string };

/**
 * The wallet, as far as a paid request needs it. The wallet's purse for `origin` has the last word. What a method rejects with is
 * shown to the person.
 */
export interface Payer {
  /** Reads and checks an invoice. Rejects with what is wrong with it. */
  inspect(invoice: string): Promise<InvoiceFacts>;
  /** Pays, within the purse of `origin` and for at most `maxCostMsat`, fee included. Rejects when nothing left. */
  pay(invoice: string, purpose: { readonly origin: string; readonly maxCostMsat: bigint }): Promise<Outcome>;
  /** How an earlier payment stands, by its hash in hex. Rejects when the wallet cannot say. */
  lookup(paymentHash: string): Promise<Outcome>;
}

/** A credential of an origin, or one that is being paid for. */
export interface Credential {
  /** What it answers. */
  readonly challenge: L402Challenge;
  /** In hex. */
  readonly paymentHash: string;
  /** In hex; `null` until it is paid. */
  readonly preimage: string | null;
}

/** Where credentials are kept: one for each origin. They are as good as money: not for other sites, not for logs. */
export interface CredentialStore {
  /** The credential of an origin; `null`: there is none. Rejects when the store fails. */
  get(origin: string): Promise<Credential | null>;
  /** Keeps one. Rejects when the store fails; then nothing is paid. */
  set(origin: string, credential: Credential): Promise<void>;
  /** Forgets one. Rejects when the store fails. */
  delete(origin: string): Promise<void>;
}

/** Answers a 402 that offers a session. */
export interface SessionKeeper {
  /** The answer to `request`, paid for by a session; `null`: the 402 offers none. Rejects as {@link payingFetch} does. */
  meet(request: Request, refused: Response): Promise<Response | null>;
}

/** What {@link payingFetch} works with. */
export interface PayingFetchOptions {
  /** Pays. */
  readonly payer: Payer;
  /** Where credentials are kept. */
  readonly credentials: CredentialStore;
  /** Most that one request may cost, routing fee included, in millisatoshi. */
  readonly maxCostMsat: bigint;
  /** Sessions with servers that sell by the unit ({@link PaymentSessions}); without it they are not paid. */
  readonly sessions?: SessionKeeper;
  /** By default the environment's. */
  readonly fetch?: typeof globalThis.fetch;
  /** Milliseconds since the UNIX epoch; by default the environment's clock. */
  readonly now?: () => number;
}

/**
 * A `fetch` that pays. Credentials of L402 are used again for their origin; a charge of the "Payment" scheme is paid for each
 * request. Requests of one origin that have to pay wait for each other, so that one credential is bought once.
 *
 * The function that comes back throws {@link PaidFetchError}, and what `fetch` itself throws.
 */
export function payingFetch(options: PayingFetchOptions): typeof globalThis.fetch {
  const client = new Client(options);
  return (input, init) => client.fetch(new Request(input, init));
}

class Client {
  readonly #payer: Payer;
  readonly #credentials: CredentialStore;
  readonly #maxCostMsat: bigint;
  readonly #sessions: PayingFetchOptions['sessions'];
  readonly #fetch: typeof globalThis.fetch;
  readonly #now: () => number;
  /** The last payment of each origin. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor({ payer, credentials, maxCostMsat, sessions, fetch = globalThis.fetch, now = Date.now }: PayingFetchOptions) {
    this.#payer = payer;
    this.#credentials = credentials;
    this.#maxCostMsat = maxCostMsat;
    this.#sessions = sessions;
    // A browser's fetch wants to be called as nobody's method.
    this.#fetch = (...call) => fetch(...call);
    this.#now = now;
  }

  async fetch(request: Request): Promise<Response> {
    // Somebody else's way to authenticate is not mixed with ours.
    if (request.headers.has('authorization')) return this.#fetch(request);
    const { origin } = new URL(request.url);
    const known = await this.#credentials.get(origin);
    const first = await this.#send(request, known);
    if (first.status !== 402) return first;
    const inSession = await this.#sessions?.meet(request, first);
    if (inSession) return inSession;
    return this.#inTurn(origin, () => this.#meet(request, origin, known, first));
  }

  /** Sends a copy, so that the body can be sent again, with a credential if there is one. */
  async #send(request: Request, credential: Credential | null): Promise<Response> {
    if (credential?.preimage) return this.#prove(request, credential.challenge, credential.preimage);
    return this.#fetch(request.clone());
  }

  async #prove(request: Request, challenge: Challenge, preimage: string): Promise<Response> {
    refuseInsecure(request.url);
    const copy = new Request(request.clone(), { cache: 'no-store' });
    copy.headers.set('authorization', authorization(challenge, preimage));
    return this.#fetch(copy);
  }

  async #meet(request: Request, origin: string, used: Credential | null, refused: Response): Promise<Response> {
    let response = refused;
    // While this request waited for its turn another one may have bought a credential, or an earlier page was interrupted
    // after it had paid: that one is tried before anything is paid.
    const resumed = await this.#resume(origin);
    if (resumed?.preimage && resumed.preimage !== used?.preimage) {
      response = await this.#send(request, resumed);
      if (response.status !== 402) return response;
    }
    const challenge = chooseChallenge(response.headers.get('www-authenticate') ?? '');
    refuseInsecure(request.url);
    const facts = await this.#check(challenge);
    if (challenge.kind === 'l402') {
      // Noted before money leaves: whoever comes next finds the payment instead of making another.
      await this.#credentials.set(origin, { challenge, paymentHash: facts.paymentHash, preimage: null });
    }
    const preimage = await this.#pay(challenge, facts, origin);
    if (challenge.kind === 'l402') {
      await this.#credentials.set(origin, { challenge, paymentHash: facts.paymentHash, preimage });
    }
    return this.#deliver(request, challenge, preimage);
  }

  /** The origin's credential, with the proof of a payment that had not ended when it was noted. */
  async #resume(origin: string): Promise<Credential | null> {
    const credential = await this.#credentials.get(origin);
    if (credential === null || credential.preimage !== null) return credential;
    const outcome = await this.#payer.lookup(credential.paymentHash);
    if (outcome.state === 'pending') throw pending();
    if (outcome.state === 'failed') {
      await this.#credentials.delete(origin);
      return null;
    }
    await checkProof(outcome.preimage, credential.paymentHash);
    const paid = { ...credential, preimage: outcome.preimage };
    await this.#credentials.set(origin, paid);
    return paid;
  }

  /** All that can be said before money moves. */
  async #check(challenge: Challenge): Promise<InvoiceFacts> {
    const facts = await this.#payer.inspect(challenge.invoice).catch((cause: unknown) => {
      throw new PaidFetchError('badChallenge', `The server's invoice cannot be paid: ${text(cause)}`, { cause });
    });
    checkAgreement(challenge, facts, this.#now());
    if (facts.amountMsat > this.#maxCostMsat) {
      const message = `This costs ${facts.amountMsat} msat and at most ${this.#maxCostMsat} msat are allowed; nothing was paid.`;
      throw new PaidFetchError('tooDear', message);
    }
    return facts;
  }

  async #pay(challenge: Challenge, { paymentHash }: InvoiceFacts, origin: string): Promise<string> {
    const paying = this.#payer.pay(challenge.invoice, { origin, maxCostMsat: this.#maxCostMsat });
    const outcome = await paying.catch(async (cause: unknown) => {
      // Whether anything left is what the wallet's own record says, not the way in which the call ended.
      const recorded = await this.#payer.lookup(paymentHash);
      return recorded.state === 'failed' ? { state: 'failed' as const, reason: text(cause) } : recorded;
    });
    if (outcome.state === 'pending') throw pending();
    if (outcome.state === 'failed') {
      if (challenge.kind === 'l402') await this.#credentials.delete(origin);
      throw new PaidFetchError('notPaid', `It was not paid: ${outcome.reason}`);
    }
    await checkProof(outcome.preimage, paymentHash);
    return outcome.preimage;
  }

  async #deliver(request: Request, challenge: Challenge, preimage: string): Promise<Response> {
    let response: Response;
    try {
      response = await this.#prove(request, challenge, preimage);
    } catch (cause) {
      throw notDelivered(challenge, 'did not answer', { cause });
    }
    // A charge is used up whatever the answer; with L402 only a new demand says that the credential is worth nothing.
    const failed = challenge.kind === 'charge' ? !response.ok : response.status === 402 || response.status === 401;
    if (failed) throw notDelivered(challenge, `answered ${response.status}`, { response });
    return response;
  }

  /** Runs after whatever pays for this origin already. */
  #inTurn<T>(origin: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(origin) ?? Promise.resolve();
    const turn = before.then(work, work);
    this.#turns.set(origin, turn);
    const done = () => {
      if (this.#turns.get(origin) === turn) this.#turns.delete(origin);
    };
    turn.then(done, done);
    return turn;
  }
}

const text = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

const pending = (): PaidFetchError =>
  new PaidFetchError('pending', 'The payment is under way and not decided yet; ask for the page again in a while, it is not paid twice.');

function notDelivered(challenge: Challenge, what: string, more: { response?: Response; cause?: unknown }): PaidFetchError {
  const kept = challenge.kind === 'l402' ? 'The credential is kept: ask for the page again.' : 'What was paid for is used up.';
  return new PaidFetchError('notDelivered', `Paid, but the server ${what}. ${kept} The history has the proof of payment.`, more);
}

async function checkProof(preimage: string, paymentHash: string): Promise<void> {
  if (await proves(preimage, paymentHash)) return;
  throw new PaidFetchError('badProof', 'The wallet says that it paid, but its proof does not fit the invoice; see the history.');
}

/** A credential is sent over TLS, or to this machine. Throws `insecure`. */
export function refuseInsecure(url: string): void {
  if (isSecureOrigin(new URL(url).origin)) return;
  throw new PaidFetchError('insecure', 'The server wants money over plain HTTP, where anybody on the way could use what is paid for; nothing was paid.');
}
