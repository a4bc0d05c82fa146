/** The page's state: which wallet is open and what it last said. Screens read it, and act through it. */

import {
  loadSettings,
  saveSettings,
  Wallet,
  type Balance,
  type Channel,
  type Gateway,
  type OpenOptions,
  type OtherDevice,
  type Payment,
  type Settings,
  type Snapshot,
  type Status,
  type Unlock,
  type WalletError,
} from 'amplet';
import { cameBack } from './backup.ts';
import type { PageConfig } from './config.ts';
import { News } from './news.svelte.ts';
import { Notes } from './notes.svelte.ts';
import { Rates } from './rates.svelte.ts';
import { PhraseDue } from './phrase-due.svelte.ts';
import type { SiteRecordsAccess } from './sites.ts';
import { toWalletError } from '../text/errors.ts';
import { language } from '../text/i18n.svelte.ts';
import { DEFAULTS, keepSetup, loadSetup, NO_CONFIG } from './setup.ts';
import type { AppOptions, Opening, Phase, Restored } from './types.ts';
import { UnlockingWays } from './unlocking.svelte.ts';
import { Unlocked, type UnlockedSession } from './unlocked.ts';
import { atWork } from './work.ts';
import type { Unit } from '../text/amounts.ts';

export type { AppOptions } from './types.ts';

const PAGE_SIZE = 30;

/** The state of one page; made by {@link createApp}. */
export class App {
  phase = $state<Phase>('loading');
  /** Reason why the page cannot hold a wallet, or why the last one ended. */
  problem = $state.raw<WalletError | null>(null);
  /** Fault of config.json or of the stored settings. */
  configProblem = $state<string | null>(null);
  config = $state.raw<PageConfig>(NO_CONFIG);
  settings = $state.raw<Settings>(DEFAULTS);
  online = $state(navigator.onLine);

  readonly unlocking = new UnlockingWays(() => this.config.walletName);
  wallet = $state.raw<Wallet | null>(null);
  status = $state.raw<Status | null>(null);
  balance = $state.raw<Balance | null>(null);
  channels = $state.raw<Channel[]>([]);
  payments = $state.raw<Payment[]>([]);
  historyComplete = $state(false);
  /** Source of the wallet, while the user has not read what came back. */
  restored = $state.raw<Restored | null>(null);
  /** The device that has the wallet, in the phase `moved`; `null`: its name is not known. */
  movedTo = $state.raw<OtherDevice | null>(null);
  readonly news = new News();
  readonly notes = new Notes();
  readonly rates = new Rates();
  readonly phrase = new PhraseDue();
  /** Requests under way that a lock must not cut off. */
  working = $state(0);
  readonly session: UnlockedSession | null;
  readonly sites: SiteRecordsAccess | null;

  readonly #unlocked: Unlocked;
  #detach: (() => void)[] = [];
  /** Opens the wallet here, in the phase `moved`. */
  #moveHere: (() => Promise<void>) | null = null;
  /** The wallet that another device has taken: it has the key. */
  #taken: Wallet | null = null;
  #address: Promise<string> | null = null;
  #history: AsyncGenerator<Payment[], void, undefined> | null = null;

  constructor({ session, sites }: AppOptions) {
    this.session = session ?? null;
    this.#unlocked = new Unlocked(this.session, () => this.config.walletName);
    this.sites = sites ?? null;
  }

  get unit(): Unit {
    return this.settings.unit;
  }

  /** The open wallet; the screens that use it are only shown while there is one. */
  get open(): Wallet {
    if (!this.wallet) throw new Error('no wallet is open');
    return this.wallet;
  }

  async start(): Promise<void> {
    addEventListener('online', () => (this.online = true));
    addEventListener('offline', () => (this.online = false));
    try {
      await this.#configure();
      if (await this.reopen()) return;
      await this.unlocking.look();
      this.phase = this.unlocking.exists ? 'locked' : 'welcome';
    } catch (thrown) {
      this.problem = toWalletError(thrown);
      this.phase = 'blocked';
    }
  }

  /** Opens the wallet with the session's key, if it has one that still fits. */
  async reopen(): Promise<boolean> {
    const key = await this.session?.key();
    if (!key) return false;
    try {
      await this.openWallet({ key });
      return true;
    } catch (thrown) {
      const error = toWalletError(thrown);
      if (error.code === 'movedToAnotherDevice') return true; // that is on the screen
      if (error.code !== 'wrongPassphrase' && error.code !== 'walletNotFound') this.problem = error;
      return false;
    }
  }

  async #configure(): Promise<void> {
    ({ config: this.config, settings: this.settings, problem: this.configProblem } = await loadSetup());
    if (this.configProblem !== null) console.warn('config', this.configProblem);
    language.choose(this.settings.language);
  }

  /** Another document of this origin changed them. */
  async followSettings(): Promise<void> {
    const { settings } = await loadSettings();
    if (settings === null) return;
    this.settings = settings;
    language.choose(settings.language);
  }

  /** Keeps a change. Throws what the package throws. */
  async saveSettings(change: Partial<Settings>): Promise<void> {
    this.settings = { ...this.settings, ...change };
    language.choose(this.settings.language);
    await saveSettings(this.settings);
  }

  /** Opens, or with `mnemonic` makes, this page's wallet. Throws what the package throws. */
  async openWallet(input: Opening): Promise<void> {
    const { network, gateways, chainSources } = this.settings;
    const how = await this.#unlocked.withKey(input);
    const open = { name: this.config.walletName, network, gateways, chainSources, ...how };
    try {
      // Screens give what goes together; the package looks whether they do.
      await this.#opened(await Wallet.open(open as OpenOptions), gateways);
    } catch (thrown) {
      const error = toWalletError(thrown);
      if (error.code === 'movedToAnotherDevice')
        this.#moved(error, () => this.openWallet({ ...input, moveHere: true }));
      throw this.#refused(error);
    }
    if (input.mnemonic !== undefined && input.fresh !== true) this.restored = cameBack(input, this.status);
    // A key that was given is kept already, but the wallet host may have lost the wallet to another device meanwhile.
    if (input.key === undefined || input.moveHere === true) void this.#unlocked.keep(how);
    this.phrase.open(this.config.walletName, input.passkey !== undefined && input.fresh === true);
    this.unlocking.again(() => this.wallet !== null);
    await this.#keepForNextVisit();
  }

  async #opened(wallet: Wallet, gateways: readonly Gateway[]): Promise<void> {
    this.problem = null;
    this.#moveHere = null;
    this.wallet = wallet;
    this.#detach = [
      wallet.onChange((snapshot) => this.#changed(snapshot)),
      wallet.onPayment((payment) => this.#upsert(payment)),
    ];
    void wallet.ended.then((error) => this.#ended(wallet, error));
    void this.#deliver(wallet);
    this.rates.follow(wallet, gateways);
    await this.#load(wallet);
    this.phase = 'open';
  }

  /** Another device has the wallet. `again` opens it here; it holds the key, as long as this is on the screen. */
  #moved(error: WalletError, again: () => Promise<void>): void {
    this.movedTo = error.device ?? null;
    this.#moveHere = again;
    this.phase = 'moved';
  }

  /** Takes the wallet over from the device that has it. Throws what the package throws. */
  async moveHere(): Promise<void> {
    await this.#moveHere?.().catch((thrown: unknown) => Promise.reject(this.#refused(toWalletError(thrown))));
  }

  /** Another device may have removed this one: then it is not opened here any more, whoever asks. */
  #refused(error: WalletError): WalletError {
    if (error.code === 'deviceRemoved') this.#stopped(error);
    return error;
  }

  #stopped(error: WalletError): void {
    this.#forget();
    this.problem = error;
    this.#locked();
  }

  /** The wallet's words, also while it is locked or cannot be opened. Throws what the package throws. */
  async words(unlock: Unlock): Promise<string[]> {
    const { wallet, config } = this;
    const told = await (wallet === null
      ? Wallet.revealMnemonic(config.walletName, unlock)
      : this.hold(() => wallet.revealMnemonic(unlock)));
    return told.split(' ');
  }

  /** Throws what the package throws. */
  async changePassphrase(change: { from: Unlock; to: string }): Promise<void> {
    await this.changeUnlocking(() => this.open.changePassphrase(change));
    await this.#unlocked.keep({ passphrase: change.to });
  }

  /** Changes what opens the wallet, and looks what does now. Throws what the package throws. */
  async changeUnlocking(change: () => Promise<unknown>): Promise<void> {
    await this.hold(change);
    await this.unlocking.look();
  }

  /** Stores what this wallet was opened with: the next visit starts from it, with or without the server's config. */
  async #keepForNextVisit(): Promise<void> {
    try {
      await keepSetup(this.config, this.settings);
    } catch (thrown) {
      console.warn('settings', toWalletError(thrown).message); // the wallet is open: the next visit asks the server
    }
  }

  async #load(wallet: Wallet): Promise<void> {
    // Each is taken when it comes: a notice between two answers is newer than the first of them.
    await Promise.all([
      wallet.status().then((status) => (this.status = status)),
      wallet.balance().then((balance) => (this.balance = balance)),
      wallet.channels().then((channels) => (this.channels = channels)),
    ]);
    this.#history = wallet.history({ pageSize: PAGE_SIZE });
    await this.loadMoreHistory();
  }

  async loadMoreHistory(): Promise<void> {
    const page = await this.#history?.next();
    if (!page) return;
    const older = page.value ?? [];
    const fresh = older.filter((line) => !this.payments.some(({ id }) => id === line.id));
    this.payments = [...this.payments, ...fresh];
    this.historyComplete = page.done === true || older.length < PAGE_SIZE;
  }

  /** One address per visit, for cost previews and for the savings screen; `fresh` asks for another. */
  savingsAddress(fresh = false): Promise<string> {
    if (!this.#address || fresh) {
      const asked = this.open.newAddress();
      asked.catch(() => (this.#address = null));
      this.#address = asked;
    }
    return this.#address;
  }

  /** Runs what must not be cut off by the auto-lock. */
  async hold<T>(work: () => Promise<T>): Promise<T> {
    this.working += 1;
    try {
      return await atWork(work);
    } finally {
      this.working -= 1;
    }
  }

  async lock(): Promise<void> {
    const { wallet, phase } = this;
    void this.#taken?.close();
    this.#forget();
    this.#locked();
    // First, so that nobody who asks meanwhile opens it again.
    await this.session?.forget().catch((thrown: unknown) => console.warn('session', thrown));
    await wallet?.lock();
    // One that was to be restored here, and that another device has, is not locked: there is none.
    if (phase === 'moved' && !(await Wallet.exists(this.config.walletName))) this.phase = 'welcome';
  }

  /** Returns who had which payment made, by its id, as far as that is kept. */
  async holders(): Promise<ReadonlyMap<string, string>> {
    return this.sites?.payers() ?? new Map();
  }

  /** Deletes the wallet, and all that is kept about sites with it. Throws what the package throws. */
  async destroy(): Promise<void> {
    const { wallet } = this;
    this.#forget();
    this.phase = 'locked';
    try {
      await wallet?.lock();
      await Wallet.destroy(this.config.walletName);
      await this.sites?.forget();
      this.problem = null;
      this.unlocking.forget();
      this.phrase.done();
      this.phase = 'welcome';
    } catch (thrown) {
      this.problem = toWalletError(thrown); // the screen that asked is gone by now
      throw thrown;
    }
  }

  #changed({ status, balance }: Snapshot): void {
    this.status = status;
    this.balance = balance;
    void this.#refreshChannels();
  }

  async #refreshChannels(): Promise<void> {
    const { wallet } = this;
    if (!wallet) return;
    try {
      const channels = await wallet.channels();
      if (this.wallet === wallet) this.channels = channels;
    } catch (thrown) {
      // An engine that ended says so by itself; after anything else the next change asks again.
      console.warn('channels', toWalletError(thrown).message);
    }
  }

  /** Asks for an entry of the history anew, as far as it is an on-chain one: those change with each block. */
  async refreshPayment(id: string): Promise<void> {
    const { wallet } = this;
    const known = this.payments.find((line) => line.id === id);
    if (wallet === null || !known || known.txid === null) return;
    try {
      const payment = await wallet.payment(id);
      if (this.wallet === wallet) this.#upsert(payment);
    } catch (thrown) {
      console.warn('payment', toWalletError(thrown).message); // the next block asks again
    }
  }

  #upsert(payment: Payment): void {
    const known = this.payments.some(({ id }) => id === payment.id);
    this.payments = known
      ? this.payments.map((line) => (line.id === payment.id ? payment : line))
      : [payment, ...this.payments];
  }

  async #deliver(wallet: Wallet): Promise<void> {
    try {
      for await (const event of wallet.events()) {
        if ('payment' in event) this.#upsert(event.payment);
        this.news.add(event);
        await event.ack();
      }
    } catch (thrown) {
      this.#ended(wallet, toWalletError(thrown));
    }
  }

  #ended(wallet: Wallet, error: WalletError): void {
    if (this.wallet !== wallet) return;
    if (error.code !== 'movedToAnotherDevice') return this.#stopped(error);
    this.#forget();
    this.#taken = wallet;
    this.#moved(error, async () => {
      await this.#opened(await wallet.moveHere(), this.settings.gateways);
      await this.#unlocked.keep({}); // the wallet host opens it, too
    });
  }

  #locked(): void {
    this.phase = 'locked';
    this.unlocking.again(() => this.phase === 'locked');
  }

  #forget(): void {
    for (const stop of this.#detach) stop();
    this.#detach = [];
    this.#address = null;
    this.#history = null;
    this.#moveHere = null;
    this.#taken = null;
    this.restored = null;
    this.wallet = null;
    this.status = null;
    this.balance = null;
    this.channels = [];
    this.payments = [];
    this.news.clear();
    this.notes.clear();
    this.rates.stop();
    this.historyComplete = false;
  }
}

/** Makes a page's state. Nothing happens before its `start`. */
export const createApp = (options: AppOptions = {}): App => new App(options);
