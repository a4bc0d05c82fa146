/** HTTP 402 on top-level navigation: a page that costs money is paid for once, loaded again once, and never lost or looped. */

import { checkAgreement } from '../agreement.ts';
import { type RawChallenge, chooseChallenge, readChallenges } from '../challenge.ts';
import { PaidFetchError } from '../errors.ts';
import type { Payments } from '../host/pay.ts';
import { SiteFault, type SiteWallet, type Store } from '../host/types.ts';
import { isSecureOrigin } from '../origin.ts';
import { proves } from '../proof.ts';
import { type Purchase, Purchases, type Trip, headerOf, receiptOf } from './purchases.ts';
import type { NavigationProblem, NavigationResponse, NavigationStep, Receipt } from './types.ts';

/** Reloads in a row without a page: redirects may lead from one page that costs money to another, but not for ever. */
const MAX_HOPS = 3;
/** A trip that took longer was given up: the tab went elsewhere meanwhile. In milliseconds. */
const TRIP_MS = 120_000;

const NOTHING: NavigationStep = { do: 'nothing' };

/** What {@link TopLevel402} works with. */
export interface TopLevel402Options {
  /** Of the {@link SiteHost}: the same purses, the same person. */
  readonly payments: Payments;
  /** Says what became of a payment. */
  readonly wallet: Pick<SiteWallet, 'lookup'>;
  /** What outlives the machine. Credentials are as good as money. */
  readonly store: Store;
  /** Milliseconds since the UNIX epoch; by default the environment's clock. */
  readonly now?: () => number;
}

/** Pays for pages. It keeps nothing that has to survive it. Every method rejects when the store fails. */
export class TopLevel402 {
  readonly #payments: Payments;
  readonly #wallet: Pick<SiteWallet, 'lookup'>;
  readonly #purchases: Purchases;
  readonly #now: () => number;
  /** The last response of each origin that is being dealt with. */
  readonly #turns = new Map<string, Promise<unknown>>();

  /** Does nothing yet. */
  constructor({ payments, wallet, store, now = Date.now }: TopLevel402Options) {
    this.#payments = payments;
    this.#wallet = wallet;
    this.#purchases = new Purchases(store);
    this.#now = now;
  }

  /**
   * Told of each response. Only a GET of a page in the address bar that somebody is looking at is ever paid for. `signal` fires
   * when the tab goes elsewhere or away. Never rejects.
   */
  async observe(response: NavigationResponse, signal: AbortSignal = new AbortController().signal): Promise<NavigationStep> {
    if (response.type !== 'main_frame' || response.ahead || !URL.canParse(response.url)) return NOTHING;
    const { origin } = new URL(response.url);
    return this.#inTurn(origin, () => this.#observe(response, origin, signal)).catch((error: unknown) => show(response, ...problemOf(error)));
  }

  /** Told that a tab, by the browser's id, is gone. */
  async closed(tabId: number): Promise<void> {
    await this.#purchases.setTrip(tabId, null);
  }

  /**
   * After a start: what was being paid for when the host died. A step for a tab is only to be taken when the tab still shows
   * that URL.
   */
  async resume(): Promise<NavigationStep[]> {
    const steps: NavigationStep[] = [];
    for (const purchase of await this.#purchases.all()) {
      if (purchase.state !== 'paying') continue;
      const settled = await this.#settle(purchase).catch(() => null);
      if (settled?.state === 'paid') steps.push(await this.#reload(settled, purchase.tabId, purchase.url, { fresh: true, hops: 0 }));
    }
    return steps;
  }

  /** What was paid for and has not been delivered, newest first. */
  async undelivered(): Promise<Receipt[]> {
    const isOpen = ({ challenge, state }: Purchase) => state === 'undelivered' || (challenge.kind === 'charge' && state === 'paid');
    const open = (await this.#purchases.all()).filter(isOpen);
    return open.map(receiptOf).sort((one, other) => other.at - one.at);
  }

  /** Forgets something that was not delivered, once the person has seen it. */
  async forget(paymentHash: string): Promise<void> {
    for (const purchase of await this.#purchases.all()) {
      if (purchase.paymentHash === paymentHash) await this.#purchases.remove(purchase);
    }
  }

  async #observe(response: NavigationResponse, origin: string, signal: AbortSignal): Promise<NavigationStep> {
    const taken = await this.#takeTrip(response.tabId);
    // A step that was not taken, because the tab showed something else by then, is no answer to anything.
    const trip = response.authorized === false ? null : taken;
    const arrived = trip && leadsTo(trip, response) ? await this.#purchases.of(trip) : null;
    if (response.statusCode !== 402) return arrived && trip ? this.#answered(response, arrived, origin) : NOTHING;
    if (response.method !== 'GET') return NOTHING;
    if (arrived && trip?.fresh) return this.#notDelivered(response, arrived, 'asks for money again');
    if (arrived) await this.#usedUp(arrived);
    const header = challengesOf(response);
    if (header === null) return NOTHING;
    if (!isSecureOrigin(origin)) {
      const message = 'The page wants money over plain HTTP, where anybody on the way could use what is paid for; nothing was paid.';
      return show(response, 'insecure', message);
    }
    const hops = trip ? trip.hops + 1 : 0;
    const kept = await this.#kept(response.url, origin);
    if (kept) {
      const { purchase, fresh } = kept;
      if (hops < MAX_HOPS) return this.#reload(purchase, response.tabId, response.url, { fresh, hops });
      return show(response, 'notDelivered', 'The pages lead to each other and want money each time; nothing more was paid.', receiptOf(purchase));
    }
    return this.#buy(response, origin, header, hops, signal);
  }

  /** What was paid for this page, or for this origin, before; `fresh`: nothing has been asked for with it yet. */
  async #kept(url: string, origin: string): Promise<{ purchase: Purchase; fresh: boolean } | null> {
    for (const found of [await this.#purchases.credential(origin), await this.#purchases.charge(url)]) {
      if (found === null || found.state === 'undelivered' || this.#isOver(found)) continue;
      const purchase = await this.#settle(found);
      if (purchase) return { purchase, fresh: found.state === 'paying' };
    }
    return null;
  }

  /** A charge is good until the time that it names; L402 until the server says otherwise. */
  #isOver({ challenge }: Purchase): boolean {
    return challenge.kind === 'charge' && challenge.expiresMs !== null && this.#now() >= challenge.expiresMs;
  }

  /** Brings a purchase that was being paid up to date; `null`: nothing left. Throws `pending`. */
  async #settle(purchase: Purchase): Promise<Purchase | null> {
    if (purchase.state !== 'paying') return purchase;
    const outcome = await this.#wallet.lookup(purchase.paymentHash);
    if (outcome.state === 'pending') {
      throw new PaidFetchError('pending', 'The payment is under way and not decided yet. Load the page again in a while: it is not paid twice.');
    }
    if (outcome.state === 'failed') {
      await this.#purchases.remove(purchase);
      return null;
    }
    if (!(await proves(outcome.preimage, purchase.paymentHash))) {
      throw new PaidFetchError('badProof', 'The wallet says that it paid, but its proof does not fit the invoice; see the history.');
    }
    const paid: Purchase = { ...purchase, state: 'paid', preimage: outcome.preimage };
    await this.#purchases.put(paid);
    return paid;
  }

  async #buy(response: NavigationResponse, origin: string, header: string, hops: number, signal: AbortSignal): Promise<NavigationStep> {
    const { url, tabId } = response;
    const challenge = chooseChallenge(header);
    const details = await this.#payments.inspect(challenge.invoice);
    checkAgreement(challenge, details, this.#now());
    const { paymentHash, amountMsat } = details;
    const purchase: Purchase = { challenge, url, tabId, state: 'paying', paymentHash, amountMsat, preimage: null, at: this.#now() };
    // Before money leaves: whoever comes next finds the payment instead of making another.
    await this.#purchases.put(purchase);
    const site = { origin, topLevel: origin };
    const askFirst = await this.#purchases.isDoubted(origin);
    try {
      const preimage = await this.#payments.pay({ site, details, occasion: { kind: 'page', url }, signal, purpose: 'page', askFirst });
      const paid: Purchase = { ...purchase, state: 'paid', preimage };
      await this.#purchases.put(paid);
      // The tab shows something else by now: what was bought waits for the next visit.
      if (signal.aborted) return NOTHING;
      return await this.#reload(paid, tabId, url, { fresh: true, hops });
    } catch (error) {
      // What may have left stays noted.
      if (error instanceof SiteFault && NOTHING_LEFT.includes(error.name)) await this.#purchases.remove(purchase);
      throw error;
    }
  }

  async #reload(purchase: Purchase, tabId: number, url: string, { fresh, hops }: Pick<Trip, 'fresh' | 'hops'>): Promise<NavigationStep> {
    const { preimage, paymentHash } = purchase;
    if (preimage === null) throw new Error('a purchase that is not paid goes nowhere');
    await this.#purchases.setTrip(tabId, { url, paymentHash, fresh, hops, at: this.#now() });
    return { do: 'reload', tabId, url, authorization: headerOf({ ...purchase, preimage }) };
  }

  /** The tab's trip, which ends with whatever the tab loads next. */
  async #takeTrip(tabId: number): Promise<Trip | null> {
    const trip = await this.#purchases.trip(tabId);
    if (trip === null) return null;
    await this.#purchases.setTrip(tabId, null);
    return this.#now() - trip.at < TRIP_MS ? trip : null;
  }

  /** The credential was taken; now for what it brought. */
  async #answered(response: NavigationResponse, purchase: Purchase, origin: string): Promise<NavigationStep> {
    const { statusCode } = response;
    if (statusCode >= 400) return this.#notDelivered(response, purchase, `answers ${statusCode}`);
    if (isEmpty(response)) return this.#notDelivered(response, purchase, 'answers with nothing');
    if (purchase.challenge.kind === 'charge') await this.#purchases.remove(purchase);
    await this.#purchases.setDoubt(origin, false);
    return NOTHING;
  }

  async #notDelivered(response: NavigationResponse, purchase: Purchase, what: string): Promise<NavigationStep> {
    const { origin } = new URL(response.url);
    await this.#purchases.setDoubt(origin, true);
    const charge = purchase.challenge.kind === 'charge';
    if (charge) await this.#purchases.put({ ...purchase, state: 'undelivered' });
    const next = charge ? 'What was paid for is used up.' : 'The credential is kept: load the page again.';
    return show(response, 'notDelivered', `Paid, but the server ${what}. ${next} The proof of payment is below.`, receiptOf(purchase));
  }

  /** Bought earlier, and no longer taken: a new question. A charge that never brought anything is kept to be shown. */
  async #usedUp(purchase: Purchase): Promise<void> {
    if (purchase.challenge.kind === 'l402') return this.#purchases.remove(purchase);
    await this.#purchases.put({ ...purchase, state: 'undelivered' });
    await this.#purchases.setDoubt(new URL(purchase.url).origin, true);
  }

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

/** Errors that mean that nothing left. */
const NOTHING_LEFT: readonly string[] = ['RejectionError', 'RoutingError', 'InvalidDataError'];

/** The challenges, if there is one of a kind that a Lightning wallet can meet. */
function challengesOf({ headers }: NavigationResponse): string | null {
  const lines = headers.filter(({ name }) => name.toLowerCase() === 'www-authenticate').map(({ value }) => value ?? '');
  const header = lines.join(', ');
  const isOurs = ({ scheme, params }: RawChallenge) =>
    scheme === 'l402' || scheme === 'lsat' || (scheme === 'payment' && params.get('method') === 'lightning' && params.get('intent') === 'charge');
  return readChallenges(header).some(isOurs) ? header : null;
}

/** Whether a response is the answer to a trip: its URL's or, where that one redirects, another page of the origin. */
function leadsTo(trip: Trip, { url, statusCode }: NavigationResponse): boolean {
  return trip.url === url || (statusCode < 400 && new URL(trip.url).origin === new URL(url).origin);
}

/** Whether a page that was delivered holds nothing. */
function isEmpty({ statusCode, headers, empty }: NavigationResponse): boolean {
  const length = headers.find(({ name }) => name.toLowerCase() === 'content-length')?.value?.trim();
  return empty === true || statusCode === 204 || statusCode === 205 || length === '0';
}

function show({ tabId, url }: NavigationResponse, problem: NavigationProblem, message: string, receipt: Receipt | null = null): NavigationStep {
  return { do: 'show', tabId, url, problem, message, receipt };
}

/** What the person is told of an error. */
function problemOf(error: unknown): [NavigationProblem, string] {
  if (error instanceof PaidFetchError) {
    const problem = error.code === 'pending' || error.code === 'badChallenge' ? error.code : 'failed';
    return [problem, error.message];
  }
  if (error instanceof SiteFault) {
    if (error.name === 'InvalidDataError') return ['badChallenge', `The page wants money, but its invoice cannot be paid: ${error.message}`];
    if (error.name === 'ConnectionError') return ['pending', error.message];
    return [NOTHING_LEFT.includes(error.name) ? 'notPaid' : 'failed', error.message];
  }
  return ['failed', 'The wallet failed. Load the page again: nothing is paid twice.'];
}
