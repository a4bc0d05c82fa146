/** The one way in which a site's payment is made: read once, within the budget or allowed by the user, proved. */

import { invalid, isOpen, isUnsent, ProviderError, providerErrorOf } from '../errors.ts';
import { proves } from '../proof.ts';
import {
  siteKey,
  type InvoiceDetails,
  type Outcome,
  type PaymentContext,
  type Site,
  type SiteAuthorization,
  type SiteWallet,
  type StoreChange,
} from '../types.ts';
import { withApproval, withinBudget, type Spending } from './approval.ts';
import { NOT_ENOUGH, showingNotEnough } from './not-enough.ts';
import { chosen, type Prompts } from './prompts.ts';
import type { SiteRecords } from './records.ts';

/** Interval at which a payment in flight is looked up, in milliseconds, beside what the wallet tells by itself. */
const LOOK_MS = 15_000;

/** Order to pay. */
export interface PaymentOrder {
  /** The site that asks for it. */
  readonly site: Site;
  /** Exactly what is paid, as {@link Payments.inspect} read it. */
  readonly details: InvoiceDetails;
  /** Context that the user is shown. */
  readonly context: PaymentContext;
  /** Fires when the site went away: nobody is asked any more. What is in flight continues. */
  readonly signal: AbortSignal;
  /** For the spending report. */
  readonly purpose?: string | undefined;
  /** The user is asked whatever the budget allows. */
  readonly askFirst?: boolean | undefined;
  /** The user has already allowed at most this for exactly this, fee included, in millisatoshi. */
  readonly approvedMsat?: bigint | undefined;
  /** Changes of the wallet's store that go with the payment. */
  readonly records?: readonly StoreChange[] | undefined;
}

/** Pays invoices for sites. */
export class Payments {
  readonly #wallet: SiteWallet;
  readonly #prompts: Prompts;
  readonly #records: SiteRecords;
  /** Payments in flight, by payment hash. */
  readonly #underway = new Map<string, Promise<Outcome>>();
  /** Invoices that the wallet is paying for some site, by payment hash. */
  readonly #paying = new Set<string>();

  /** Does nothing yet. */
  constructor(wallet: SiteWallet, prompts: Prompts, records: SiteRecords) {
    this.#wallet = wallet;
    this.#prompts = prompts;
    this.#records = records;
  }

  /**
   * Reads an invoice.
   * @throws {ProviderError} `InvalidDataError`
   */
  async inspect(invoice: string): Promise<InvoiceDetails> {
    try {
      return await this.#wallet.inspect(invoice);
    } catch (error) {
      throw providerErrorOf(error);
    }
  }

  /**
   * Pays, and resolves with the preimage when the payment is proved, however long that takes. The same invoice asked for
   * again, at the same time or after an interruption, is paid once.
   * @throws {ProviderError} no funds were sent, but with `ConnectionError`, when the wallet cannot say
   */
  async pay(order: PaymentOrder): Promise<string> {
    const { paymentHash } = order.details;
    return this.#proved(await this.#settled(paymentHash, await this.#once(order)), paymentHash);
  }

  /**
   * Pays, and resolves as soon as the payment is under way.
   * @throws {ProviderError} as {@link pay}
   */
  async start(order: PaymentOrder): Promise<void> {
    let stop = () => {};
    const begun = new Promise<Outcome>((resolve) => (stop = this.#wallet.watch(order.details.paymentHash, resolve)));
    try {
      const outcome = await Promise.race([this.#once(order), begun]);
      if (outcome.state === 'failed') throw notPaid();
    } finally {
      stop();
    }
  }

  /** Joins this site's payment of the invoice that is under way, or makes it. */
  #once(order: PaymentOrder): Promise<Outcome> {
    const key = `${order.details.paymentHash} ${siteKey(order.site)}`;
    const running = this.#underway.get(key);
    if (running) return this.#records.change(order.records ?? []).then(() => running);
    const outcome = this.#make(order)
      .catch((error: unknown) => Promise.reject(providerErrorOf(error)))
      .finally(() => this.#underway.delete(key));
    this.#underway.set(key, outcome);
    return outcome;
  }

  async #make(order: PaymentOrder): Promise<Outcome> {
    const { site, details } = order;
    if ((await this.#records.invoice('sent', site, details.paymentHash)) !== null) {
      const before = await this.#wallet.lookup(details.paymentHash);
      if (before.state !== 'failed' && (await this.#records.isDisputed(details.paymentHash))) throw alreadyPaid();
      if (before.state !== 'failed') {
        await this.#records.change(order.records ?? []);
        return before;
      }
    }
    const cost: Cost = { amountMsat: details.amountMsat, maxFeeMsat: details.maxFeeMsat };
    const price = () => ({ site, amountMsat: cost.amountMsat ?? 0n, maxFeeMsat: cost.maxFeeMsat });
    return showingNotEnough(this.#prompts, order.signal, price, () => this.#spend(order, cost));
  }

  async #spend(order: PaymentOrder, cost: Cost): Promise<Outcome> {
    const { details } = order;
    if (details.problem) throw providerErrorOf(details.problem);
    const spending = this.#spending(order, cost);
    const outcome = await this.#authorized(order, spending);
    if (outcome.state === 'failed' && outcome.code === NOT_ENOUGH.code) throw providerErrorOf(NOT_ENOUGH);
    return outcome;
  }

  async #authorized({ details, approvedMsat, askFirst }: PaymentOrder, spending: Spending<Outcome>): Promise<Outcome> {
    if (approvedMsat !== undefined) return withApproval(spending, null, approvedMsat);
    if (details.amountMsat !== null && !askFirst) return withinBudget(spending);
    return withApproval(spending, null, await spending.ask(null));
  }

  /** `cost` takes the amount that the user chooses. */
  #spending(order: PaymentOrder, cost: Cost): Spending<Outcome> {
    const { site, details, purpose, context, signal } = order;
    return {
      site,
      purpose,
      ask: async (refusal) => {
        const allowed = await this.#prompts.ask({ kind: 'payment', site, context, invoice: details, refusal }, signal);
        const amountMsat = cost.amountMsat ?? chosen(allowed, { minMsat: 1n, maxMsat: null });
        if (amountMsat === null) throw invalid('The invoice states no amount, and none was chosen.');
        cost.amountMsat = amountMsat;
        if (details.amountMsat === null)
          cost.maxFeeMsat = (await this.#wallet.inspect(details.invoice, amountMsat)).maxFeeMsat;
        return amountMsat + cost.maxFeeMsat;
      },
      pay: (authorization) => this.#attempt(order, cost, authorization),
    };
  }

  /** Has the wallet pay, once. */
  async #attempt(
    { site, details, records: beside = [] }: PaymentOrder,
    { amountMsat: known, maxFeeMsat: quoted }: Cost,
    authorization: SiteAuthorization,
  ): Promise<Outcome> {
    const amountMsat = known ?? 0n;
    // No more of a fee than the approval leaves.
    const left = (authorization.approvedMsat ?? amountMsat + quoted) - amountMsat;
    if (left < 0n) throw invalid('The invoice asks for more than was allowed; nothing was paid.');
    const maxFeeMsat = left < quoted ? left : quoted;
    // Its proof is that of the site which had it paid. Whoever only asks, or waits for the user, keeps nobody from it.
    if (this.#paying.has(details.paymentHash)) throw alreadyPaid();
    this.#paying.add(details.paymentHash);
    try {
      // With the payment or not at all: whoever pays the invoice later does not pay it for a site whose payment was not begun.
      const records = [...beside, ...(await this.#records.sent(site, details.paymentHash, details.invoice))];
      return await this.#wallet.pay(details, { amountMsat, maxFeeMsat, authorization: { ...authorization, records } });
    } catch (error) {
      throw isUnsent(error) ? error : await this.#undecided(details.paymentHash, error);
    } finally {
      this.#paying.delete(details.paymentHash);
    }
  }

  /** The call ended badly, and that says nothing of the payment: the wallet's record does. */
  async #undecided(paymentHash: string, error: unknown): Promise<ProviderError> {
    const recorded = await this.#wallet.lookup(paymentHash).catch(() => null);
    // An open outcome is not closed by a record that is not there yet.
    if (recorded?.state === 'failed' && !isOpen(error)) return providerErrorOf(error);
    const message = 'The wallet went away while it paid. Ask for the same invoice again: it is not paid twice.';
    return new ProviderError('ConnectionError', message, { cause: error });
  }

  /** Waits until a payment has an outcome, or the wallet can no longer say. */
  async #settled(paymentHash: string, outcome: Outcome): Promise<Outcome> {
    if (outcome.state !== 'pending') return outcome;
    let stop = () => {};
    let timer: ReturnType<typeof setTimeout> | undefined;
    const told = new Promise<Outcome>((resolve, reject) => {
      stop = this.#wallet.watch(paymentHash, (seen) => seen.state !== 'pending' && resolve(seen));
      // It may have ended between the answer and the watch; and a wallet that is closed meanwhile tells nothing any more.
      const look = () => {
        this.#wallet.lookup(paymentHash).then((seen) => seen.state !== 'pending' && resolve(seen), reject);
        timer = setTimeout(look, LOOK_MS);
      };
      look();
    });
    try {
      return await told;
    } catch (error) {
      throw await this.#undecided(paymentHash, error);
    } finally {
      clearTimeout(timer);
      stop();
    }
  }

  async #proved(outcome: Outcome, paymentHash: string): Promise<string> {
    if (outcome.state !== 'succeeded') throw notPaid();
    if (await proves(outcome.preimage, paymentHash)) return outcome.preimage;
    throw new ProviderError(
      'InternalError',
      'The wallet says that it paid, but its proof does not fit the invoice; see its history.',
    );
  }
}

/** What is to be paid, in millisatoshi; `amountMsat` is `null` until the user has chosen it. */
interface Cost {
  amountMsat: bigint | null;
  maxFeeMsat: bigint;
}

const alreadyPaid = (): ProviderError => invalid('The invoice is paid already, or being paid.');
const notPaid = (): ProviderError => new ProviderError('RoutingError', 'The payment failed; no funds were sent.');
