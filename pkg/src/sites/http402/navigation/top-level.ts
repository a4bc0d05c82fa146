/** HTTP 402 on top-level navigation: a page that costs money is paid for once, loaded again once, and never lost or looped. */

import { bindMethods } from '../../../base/bound.ts';
import { FUNCTION, having } from '../../../base/kinds.ts';
import { named, type Names } from '../../../base/named.ts';
import { KeyedMutex } from '../../../base/keyed-mutex.ts';
import { ProviderError } from '../../errors.ts';
import { isSecureOrigin } from '../../origin.ts';
import type { Payments } from '../../payments/pay.ts';
import type { SiteWallet } from '../../types.ts';
import { checkChallenge, checkDigest } from '../challenge-check.ts';
import { authorization, chooseChallenge, credentialHeader, kindOf, readChallenges } from '../challenge.ts';
import { PaidFetchError } from '../errors.ts';
import { Purchases, receiptOf, requestName, type Paid, type Purchase } from '../purchases.ts';
import { isPassing } from '../response-check.ts';
import type { Receipt } from '../types.ts';
import { PendingNavigations, type PendingNavigation } from './pending.ts';
import type { NavigationProblem, NavigationResponse, NavigationStep } from './types.ts';

/** Reloads in a row without a page: redirects may lead from one page that costs money to another, but not for ever. */
const MAX_HOPS = 3;
/** A navigation that took longer was given up: the tab went elsewhere meanwhile. In milliseconds. */
const NAVIGATION_MS = 120_000;

const NOTHING: NavigationStep = { do: 'nothing' };

/** Parts and options of {@link TopLevel402}. */
export interface TopLevel402Options {
  /** Of the {@link SiteHost}: the same budgets, the same user. */
  readonly payments: Payments;
  /** Says what became of a payment, and keeps what outlives the machine. */
  readonly wallet: Pick<SiteWallet, 'lookup' | 'store'>;
  /** Milliseconds since the UNIX epoch; by default the environment's clock. */
  readonly now?: (() => number) | undefined;
}

const OPTIONS: Names<TopLevel402Options> = {
  payments: having('`host.payments` of a `SiteHost`', 'pay', 'inspect'),
  wallet: having('`siteWallet(() => wallet)`', 'lookup'),
  now: FUNCTION,
};

/** Pays for pages. It keeps nothing that has to survive it. Every method rejects when the store fails. */
export class TopLevel402 {
  readonly #payments: Payments;
  readonly #purchases: Purchases;
  readonly #pending: PendingNavigations;
  readonly #now: () => number;
  /** The responses of each origin that are being dealt with. */
  readonly #mutex = new KeyedMutex();

  /**
   * Does nothing yet.
   * @throws {WalletError} `invalidInput`
   */
  constructor(options: TopLevel402Options) {
    const { payments, wallet, now = Date.now } = named('TopLevel402', options, OPTIONS, ['payments', 'wallet']);
    bindMethods(this);
    const { store } = wallet;
    this.#payments = payments;
    this.#purchases = new Purchases({
      store,
      lookup: (paymentHash) => wallet.lookup(paymentHash),
      keepsProofs: false,
      now,
    });
    this.#pending = new PendingNavigations(store);
    this.#now = now;
  }

  /**
   * Told of each response. Only a GET of a page in the address bar that somebody is looking at is ever paid for. `signal` fires
   * when the tab goes elsewhere or away. Never rejects.
   */
  async observe(
    response: NavigationResponse,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<NavigationStep> {
    if (response.type !== 'main_frame' || response.ahead || !URL.canParse(response.url)) return NOTHING;
    const { origin } = new URL(response.url);
    return this.#mutex
      .run(origin, () => this.#observe(response, origin, signal))
      .catch((error: unknown) => show(response, ...problemOf(error)));
  }

  /** Told that a tab, by the browser's id, is gone. */
  async closed(tabId: number): Promise<void> {
    await this.#pending.end(tabId);
  }

  /**
   * After a start: what was being paid for when the host died. A step for a tab is only to be taken when the tab still shows
   * that URL.
   */
  async resume(): Promise<NavigationStep[]> {
    const steps: NavigationStep[] = [];
    for (const purchase of await this.#purchases.all()) {
      const { state, tabId, url } = purchase;
      if (state !== 'paying' || tabId === null) continue;
      const settled = await this.#purchases.settle(purchase).catch(() => null);
      if (settled) steps.push(await this.#reload(settled, tabId, url, { fresh: true, hops: 0 }));
    }
    return steps;
  }

  /** Returns what was paid for and has not been delivered, newest first. */
  undelivered(): Promise<Receipt[]> {
    return this.#purchases.undelivered();
  }

  /** Forgets something that was not delivered, once the user has seen it. */
  forget(paymentHash: string): Promise<void> {
    return this.#purchases.forget(paymentHash);
  }

  async #observe(response: NavigationResponse, origin: string, signal: AbortSignal): Promise<NavigationStep> {
    const taken = await this.#takeNavigation(response.tabId);
    // A step that was not taken, because the tab showed something else by then, is no answer to anything.
    const navigation = response.authorized === false ? null : taken;
    const arrived =
      navigation && leadsTo(navigation, response)
        ? await this.#purchases.find(navigation.paymentHash, new URL(navigation.url).origin)
        : null;
    if (response.statusCode !== 402) return arrived ? this.#answered(response, arrived) : NOTHING;
    if (response.method !== 'GET') return NOTHING;
    if (arrived && navigation?.fresh) return this.#notDelivered(response, arrived, 'asks for money again', true);
    if (arrived) await this.#purchases.refused(arrived);
    const header = challengesOf(response);
    if (header === null) return NOTHING;
    if (!isSecureOrigin(origin)) {
      const message =
        'The page wants money over plain HTTP, where anybody on the way could use what is paid for; nothing was paid.';
      return show(response, 'insecure', message);
    }
    const hops = navigation ? navigation.hops + 1 : 0;
    const kept = await this.#purchases.kept(requestName('GET', response.url), origin);
    if (kept) {
      const { purchase, fresh } = kept;
      if (hops < MAX_HOPS) return this.#reload(purchase, response.tabId, response.url, { fresh, hops });
      return show(
        response,
        'notDelivered',
        'The pages lead to each other and want money each time; nothing more was paid.',
        receiptOf(purchase),
      );
    }
    return this.#buy(response, origin, header, hops, signal);
  }

  async #buy(
    response: NavigationResponse,
    origin: string,
    header: string,
    hops: number,
    signal: AbortSignal,
  ): Promise<NavigationStep> {
    const { url, tabId } = response;
    const challenge = chooseChallenge(header);
    const details = await this.#payments.inspect(challenge.invoice);
    checkChallenge(challenge, details, this.#now());
    await checkDigest(challenge, new ArrayBuffer());
    const { paymentHash, amountMsat } = details;
    const request = requestName('GET', url);
    const purchase: Purchase = {
      challenge,
      url,
      request,
      tabId,
      state: 'paying',
      paymentHash,
      amountMsat,
      preimage: null,
      at: this.#now(),
    };
    const site = { origin, topLevel: origin };
    const askFirst = response.uninvited === true || (await this.#purchases.isUntrusted(origin));
    try {
      const preimage = await this.#payments.pay({
        site,
        details,
        context: { kind: 'page', url },
        signal,
        purpose: 'page',
        askFirst,
        // With the payment: whoever comes next finds it instead of making another.
        records: [this.#purchases.noted(purchase)],
      });
      const paid = await this.#purchases.paid(purchase, preimage);
      // The tab shows something else by now: what was bought waits for the next visit.
      if (signal.aborted) return NOTHING;
      return await this.#reload(paid, tabId, url, { fresh: true, hops });
    } catch (error) {
      // What may have left stays noted.
      if (error instanceof ProviderError && NO_FUNDS_SENT.includes(error.name)) await this.#purchases.remove(purchase);
      throw error;
    }
  }

  async #reload(
    { challenge, preimage, paymentHash }: Paid,
    tabId: number,
    url: string,
    { fresh, hops }: Pick<PendingNavigation, 'fresh' | 'hops'>,
  ): Promise<NavigationStep> {
    await this.#pending.set(tabId, { url, paymentHash, fresh, hops, at: this.#now() });
    return {
      do: 'reload',
      tabId,
      url,
      header: credentialHeader(challenge),
      authorization: authorization(challenge, preimage),
    };
  }

  /** The tab's navigation, which ends with whatever the tab loads next. */
  async #takeNavigation(tabId: number): Promise<PendingNavigation | null> {
    const navigation = await this.#pending.get(tabId);
    if (navigation === null) return null;
    await this.#pending.end(tabId);
    return this.#now() - navigation.at < NAVIGATION_MS ? navigation : null;
  }

  /** The credential was taken; now for what it brought. */
  async #answered(response: NavigationResponse, purchase: Purchase): Promise<NavigationStep> {
    const { statusCode } = response;
    // Without it the page wanted money, so that this is about the payment (L402).
    if (statusCode === 401 && purchase.state === 'kept') {
      await this.#purchases.refused(purchase);
      const message = 'The site takes no longer what was paid for before. Load the page again to pay anew.';
      return show(response, 'notPaid', message);
    }
    if (statusCode >= 400)
      return this.#notDelivered(response, purchase, `answers ${statusCode}`, !isPassing(statusCode));
    if (isEmpty(response)) return this.#notDelivered(response, purchase, 'answers with nothing', true);
    await this.#purchases.delivered(purchase);
    return NOTHING;
  }

  async #notDelivered(
    response: NavigationResponse,
    purchase: Purchase,
    what: string,
    final: boolean,
  ): Promise<NavigationStep> {
    await this.#purchases.failed(purchase, final);
    const usedUp = final && purchase.challenge.kind === 'charge';
    const next = usedUp ? 'What was paid for is used up.' : 'The credential is kept: load the page again.';
    return show(
      response,
      'notDelivered',
      `Paid, but the server ${what}. ${next} The proof of payment is below.`,
      receiptOf(purchase),
    );
  }
}

/** Errors that mean that no funds were sent. */
const NO_FUNDS_SENT: readonly string[] = ['RejectionError', 'RoutingError', 'InvalidDataError'];

/** The challenges, if there is one of a kind that a Lightning wallet can meet. */
function challengesOf({ headers }: NavigationResponse): string | null {
  const lines = headers.filter(({ name }) => name.toLowerCase() === 'www-authenticate').map(({ value }) => value ?? '');
  const header = lines.join(', ');
  return readChallenges(header).some((challenge) => kindOf(challenge) !== null) ? header : null;
}

/** Returns whether a response is the answer to a navigation: its URL's or, where that one redirects, another page of the origin. */
function leadsTo(navigation: PendingNavigation, { url, statusCode }: NavigationResponse): boolean {
  return navigation.url === url || (statusCode < 400 && new URL(navigation.url).origin === new URL(url).origin);
}

/** Returns whether a page that was delivered holds nothing. */
function isEmpty({ statusCode, headers, empty }: NavigationResponse): boolean {
  const length = headers.find(({ name }) => name.toLowerCase() === 'content-length')?.value?.trim();
  return empty === true || statusCode === 204 || statusCode === 205 || length === '0';
}

function show(
  { tabId, url }: NavigationResponse,
  problem: NavigationProblem,
  message: string,
  receipt: Receipt | null = null,
): NavigationStep {
  return { do: 'show', tabId, url, problem, message, receipt };
}

/** Maps an error to what the user is told. */
function problemOf(error: unknown): [NavigationProblem, string] {
  if (error instanceof PaidFetchError) {
    const problem = error.code === 'pending' || error.code === 'badChallenge' ? error.code : 'failed';
    return [problem, error.message];
  }
  if (error instanceof ProviderError) {
    if (error.name === 'InvalidDataError')
      return ['badChallenge', `The page wants money, but its invoice cannot be paid: ${error.message}`];
    if (error.name === 'ConnectionError') return ['pending', error.message];
    return [NO_FUNDS_SENT.includes(error.name) ? 'notPaid' : 'failed', error.message];
  }
  return ['failed', 'The wallet failed. Load the page again: nothing is paid twice.'];
}
