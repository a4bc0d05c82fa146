/** The host of sites: what an extension's background runs. It keeps nothing that has to survive it. */

import { bindMethods } from '../../base/bound.ts';
import { FUNCTION, having, TEXT } from '../../base/kinds.ts';
import { named, type Names } from '../../base/named.ts';
import { busy, invalid, providerErrorOf, rejected, unsupported } from '../errors.ts';
import { Lnurl } from '../lnurl/lnurl.ts';
import { PendingSuccessActions } from '../lnurl/pending-actions.ts';
import { Payments } from '../payments/pay.ts';
import { Prompts } from '../payments/prompts.ts';
import { SiteRecords } from '../payments/records.ts';
import { siteKey, siteOf, type Ask, type Site, type SiteWallet } from '../types.ts';
import { isSiteCall, WIRE_VERSION, type Json, type Sender, type SiteCall, type SiteReply } from '../wire.ts';
import type { MethodParts } from './methods.ts';
import { Rate } from './rate.ts';
import { Shares } from './shares.ts';
import { StreamMethods } from './streams.ts';
import { METHODS } from './table.ts';
import { isShort, members } from './validate.ts';

/** Calls that have the wallet work at once, of one site and of one page in the address bar with all its frames. */
const [MAX_WORKING, MAX_WORKING_OF_PAGE] = [16, 32];
/** Calls that may be open, those that wait included, for each of them. */
const [MAX_OPEN, MAX_OPEN_OF_PAGE] = [128, 256];
/** Time, in milliseconds, for which a site that was found not to be enabled is not looked up in the engine again by its calls. */
const FOUND_MS = 5_000;
/** Most such sites that are remembered. */
const MAX_FOUND = 1_000;
/** Invoices that are made for one site in a minute. */
const MAX_INVOICES = 60;

/** Parts and options of {@link SiteHost}. */
export interface SiteHostOptions {
  /** The wallet. */
  readonly wallet: SiteWallet;
  /** Asks the user. */
  readonly ask: Ask;
  /** The wallet's version, as `getInfo` says it. */
  readonly version: string;
  /** For LNURL; by default the environment's, and rejects as that does. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Milliseconds since the UNIX epoch; by default the environment's clock. */
  readonly now?: (() => number) | undefined;
}

const OPTIONS: Names<SiteHostOptions> = {
  wallet: having('`siteWallet(() => wallet)`', 'info', 'inspect', 'pay'),
  ask: FUNCTION,
  version: TEXT,
  fetch: FUNCTION,
  now: FUNCTION,
};

/** Returns what pages ask of the wallet. */
export class SiteHost {
  readonly #parts: MethodParts;
  readonly #pendingActions: PendingSuccessActions;
  readonly #sites = new Shares(MAX_WORKING, MAX_OPEN);
  readonly #pages = new Shares(MAX_WORKING_OF_PAGE, MAX_OPEN_OF_PAGE);
  /** Sites without a grant whose budget the engine is being asked for. */
  readonly #looking = new Map<string, Promise<boolean>>();
  /** When sites were found to have neither a grant nor a budget, in milliseconds since the UNIX epoch. */
  readonly #found = new Map<string, number>();
  readonly #now: () => number;
  /** Sites that ask to be enabled: one question for all calls that do so at once. */
  readonly #enabling = new Map<string, Promise<Json>>();

  /**
   * Does nothing yet.
   * @throws {WalletError} `invalidInput`
   */
  constructor(options: SiteHostOptions) {
    const {
      wallet,
      ask,
      version,
      fetch = (...call: Parameters<typeof globalThis.fetch>) => globalThis.fetch(...call),
      now = Date.now,
    } = named('SiteHost', options, OPTIONS, ['wallet', 'ask', 'version']);
    bindMethods(this);
    this.#now = now;
    const records = new SiteRecords(wallet.store, now);
    const prompts = new Prompts(ask, now);
    const payments = new Payments(wallet, prompts, records);
    this.#pendingActions = new PendingSuccessActions(wallet, prompts);
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
      const { name, message: why, code } = providerErrorOf(error);
      return { amplet: WIRE_VERSION, id, ok: false, error: { name, message: why, ...(code && { code }) } };
    }
  }

  /**
   * Notes whether the user sees the frame that `signal` stands for ({@link SiteHost.handle}): its questions wait until it is, and a
   * stream pauses while none of the frames that use it is. Until it is said, a frame is seen.
   */
  seen(signal: AbortSignal, visible: boolean): void {
    this.#parts.prompts.seen(signal, visible);
    this.#parts.streams.seen(signal, visible);
  }

  async #limited(sender: Sender, call: SiteCall, signal: AbortSignal): Promise<Json> {
    const site = siteOf(sender);
    if (site === null) throw rejected('The wallet serves https pages only, and no sandboxed frames.');
    if (!isShort(call.params)) throw invalid('The arguments are too long.');
    if (call.method !== 'enable') return this.#inTurn(site, call, signal);
    const key = siteKey(site);
    const asked = this.#enabling.get(key) ?? this.#inTurn(site, call, signal).finally(() => this.#enabling.delete(key));
    this.#enabling.set(key, asked);
    return asked;
  }

  async #inTurn(site: Site, call: SiteCall, signal: AbortSignal): Promise<Json> {
    const inTurn = this.#sites.run(
      siteKey(site),
      () => this.#pages.run(site.topLevel, () => this.#run(site, call, signal)) ?? Promise.reject(tooMany()),
    );
    if (inTurn === null) throw tooMany();
    return inTurn;
  }

  async #run(site: Site, { method, params }: SiteCall, signal: AbortSignal): Promise<Json> {
    if (method === 'enable') return this.#enable(site, signal);
    if (method === 'isEnabled') return this.#isEnabled(site);
    const known = Object.hasOwn(METHODS, method) ? METHODS[method as keyof typeof METHODS] : null;
    if (known === null) throw unsupported(method);
    if (!(await this.#mayCall(site)))
      throw rejected(`Provider must be enabled before calling ${method}: call webln.enable() first.`);
    return known(this.#parts, site, members(params), signal);
  }

  /** By the grant. That there is none costs the engine a look now and then, however often a page calls. */
  async #mayCall(site: Site): Promise<boolean> {
    const before = this.#found.get(siteKey(site));
    if (before !== undefined && this.#now() - before < FOUND_MS)
      return (await this.#parts.records.grant(site)) !== null;
    return this.#isEnabled(site);
  }

  /** A site that was given a budget needs no question: what it may spend it may ask for, and that is its grant. */
  async #isEnabled(site: Site): Promise<boolean> {
    if ((await this.#parts.records.grant(site)) !== null) return true;
    const key = siteKey(site);
    const looking = this.#looking.get(key) ?? this.#grantBudget(site).finally(() => this.#looking.delete(key));
    this.#looking.set(key, looking);
    return looking;
  }

  async #grantBudget(site: Site): Promise<boolean> {
    if ((await this.#parts.wallet.budgetLeftMsat(site)) === null) {
      if (this.#found.size >= MAX_FOUND) this.#found.clear();
      this.#found.set(siteKey(site), this.#now());
      return false;
    }
    await this.#parts.records.setGrant(site, { balance: false });
    return true;
  }

  async #enable(site: Site, signal: AbortSignal): Promise<Json> {
    if (!(await this.#isEnabled(site))) {
      await this.#parts.prompts.ask({ kind: 'enable', site }, signal);
      await this.#parts.records.setGrant(site, { balance: false });
    }
    return { enabled: true, remember: true };
  }
}

const tooMany = (): Error => busy('Too many calls at once: wait for their answers.');
