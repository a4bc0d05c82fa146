/** The host of sites: what an extension's background runs. It keeps nothing that has to survive it. */

import { invalid, providerErrorOf, rejected, unsupported } from '../errors.ts';
import { Lnurl } from '../lnurl/lnurl.ts';
import { PendingSuccessActions } from '../lnurl/pending-actions.ts';
import { Payments } from '../payments/pay.ts';
import { Prompts } from '../payments/prompts.ts';
import { SiteRecords } from '../payments/records.ts';
import { siteKey, siteOf, type Ask, type Site, type SiteWallet, type Store } from '../types.ts';
import { isSiteCall, WIRE_VERSION, type Json, type Sender, type SiteCall, type SiteReply } from '../wire.ts';
import type { MethodParts } from './methods.ts';
import { Rate } from './rate.ts';
import { StreamMethods } from './streams.ts';
import { METHODS } from './table.ts';
import { MAX_CALL, members } from './validate.ts';

/** Calls of one site that may run at once. */
const MAX_RUNNING = 256;
/** Invoices that are made for one site in a minute. */
const MAX_INVOICES = 60;

/** Parts and options of {@link SiteHost}. */
export interface SiteHostOptions {
  /** The wallet. */
  readonly wallet: SiteWallet;
  /** Asks the user. */
  readonly ask: Ask;
  /** Store of what outlives the host: whom the user enabled, whose payments are whose. */
  readonly store: Store;
  /** The wallet's version, as `getInfo` says it. */
  readonly version: string;
  /** For LNURL; by default the environment's, and rejects as that does. */
  readonly fetch?: typeof globalThis.fetch;
  /** Milliseconds since the UNIX epoch; by default the environment's clock. */
  readonly now?: () => number;
}

/** Returns what pages ask of the wallet. */
export class SiteHost {
  readonly #parts: MethodParts;
  readonly #pendingActions: PendingSuccessActions;
  readonly #running = new Map<string, number>();
  /** Sites that the user is being asked about. */
  readonly #enabling = new Map<string, Promise<void>>();

  /** Does nothing yet. */
  constructor({
    wallet,
    ask,
    store,
    version,
    fetch = (...call) => globalThis.fetch(...call),
    now = Date.now,
  }: SiteHostOptions) {
    const records = new SiteRecords(store, now);
    const prompts = new Prompts(ask, now);
    const payments = new Payments(wallet, prompts, records);
    this.#pendingActions = new PendingSuccessActions(store, wallet, prompts);
    const lnurl = new Lnurl({ wallet, prompts, payments, records, pendingActions: this.#pendingActions, fetch });
    const streams = new StreamMethods(wallet, prompts);
    this.#parts = {
      wallet,
      records,
      prompts,
      payments,
      lnurl,
      streams,
      version,
      invoices: new Rate(MAX_INVOICES, 60_000, now),
    };
  }

  /** The one way in which sites' payments are made; {@link TopLevel402} shares it. */
  get payments(): Payments {
    return this.#parts.payments;
  }

  /**
   * After a start, with the wallet open: shows the user what was paid for when the host died before it could. Rejects when it
   * fails.
   */
  resume(): Promise<void> {
    return this.#pendingActions.resume();
  }

  /** Records of the sites that the user enabled. */
  get records(): SiteRecords {
    return this.#parts.records;
  }

  /**
   * Returns one message of a page. `sender` comes from the browser. `signal` fires when the frame went away: its questions are
   * withdrawn and its streams end, payments in flight are not withdrawn. Never rejects; `null`: it was no call.
   */
  async handle(
    sender: Sender,
    message: unknown,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<SiteReply | null> {
    if (!isSiteCall(message)) return null;
    const { id } = message;
    try {
      const result = await this.#limited(sender, message, signal);
      return { amplet: WIRE_VERSION, id, ok: true, result };
    } catch (error) {
      const { name, message: why } = providerErrorOf(error);
      return { amplet: WIRE_VERSION, id, ok: false, error: { name, message: why } };
    }
  }

  /**
   * Notes whether the user sees the frame that `signal` stands for ({@link SiteHost.handle}): a stream pauses while none of the
   * frames that use
   * it is seen. Until it is said, a frame is seen.
   */
  seen(signal: AbortSignal, visible: boolean): void {
    this.#parts.streams.seen(signal, visible);
  }

  async #limited(sender: Sender, call: SiteCall, signal: AbortSignal): Promise<Json> {
    const site = siteOf(sender);
    if (site === null) throw rejected('The wallet serves https pages only, and no sandboxed frames.');
    if ((JSON.stringify(call.params) ?? '').length > MAX_CALL) throw invalid('The arguments are too long.');
    const key = siteKey(site);
    const running = this.#running.get(key) ?? 0;
    if (running >= MAX_RUNNING) throw rejected('Too many calls at once: wait for their answers.');
    this.#running.set(key, running + 1);
    try {
      return await this.#run(site, call, signal);
    } finally {
      const left = (this.#running.get(key) ?? 1) - 1;
      if (left > 0) this.#running.set(key, left);
      else this.#running.delete(key);
    }
  }

  async #run(site: Site, { method, params }: SiteCall, signal: AbortSignal): Promise<Json> {
    if (method === 'enable') return this.#enable(site, signal);
    if (method === 'isEnabled') return this.#isEnabled(site);
    const known = Object.hasOwn(METHODS, method) ? METHODS[method as keyof typeof METHODS] : null;
    if (known === null) throw unsupported(method);
    if (!(await this.#isEnabled(site)))
      throw rejected(`Provider must be enabled before calling ${method}: call webln.enable() first.`);
    return known(this.#parts, site, members(params), signal);
  }

  /** A site that was given a budget needs no question. */
  async #isEnabled(site: Site): Promise<boolean> {
    return (await this.#parts.records.grant(site)) !== null || (await this.#parts.wallet.budgetLeftMsat(site)) !== null;
  }

  async #enable(site: Site, signal: AbortSignal): Promise<Json> {
    if (!(await this.#isEnabled(site))) {
      const key = siteKey(site);
      const asked =
        this.#enabling.get(key) ?? this.#askToEnable(site, signal).finally(() => this.#enabling.delete(key));
      this.#enabling.set(key, asked);
      await asked;
    }
    return { enabled: true, remember: true };
  }

  async #askToEnable(site: Site, signal: AbortSignal): Promise<void> {
    await this.#parts.prompts.ask({ kind: 'enable', site }, signal);
    await this.#parts.records.setGrant(site, { balance: false });
  }
}
