/** The page's state: which wallet is open and what it last said. Screens read it, and act through it. */

import {
  loadSettings,
  saveSettings,
  Wallet,
  type Balance,
  type Channel,
  type Gateway,
  type OpenOptions,
  type Payment,
  type Settings,
  type Snapshot,
  type Status,
  type WalletError,
  type WalletEvent,
} from 'amplet';
import { loadConfig, type PageConfig } from './config';
import { toWalletError } from './errors';
import { language } from './i18n.svelte';
import type { Unit } from './amounts';

export type Phase = 'loading' | 'blocked' | 'welcome' | 'locked' | 'open';

const PAGE_SIZE = 30;
/** Without a word of whoever serves the page it is a test network: real money is never a default. */
const NO_CONFIG: PageConfig = { network: 'signet', gateways: [], chainSources: [], walletName: 'signet' };
/** Where the page keeps which gateways were offered when the settings were stored. */
const OFFERED = 'amplet-offered.1';
const DEFAULTS: Settings = { network: 'signet', gateways: [], chainSources: [], unit: 'sat', language: null, autoLockMinutes: 15 };

const namesOf = (gateways: Gateway[]): string => gateways.map(({ address }) => address).join(' ');

class App {
  phase = $state<Phase>('loading');
  /** Why the page cannot hold a wallet, or why the last one ended. */
  problem = $state.raw<WalletError | null>(null);
  /** What is wrong with config.json or the stored settings. */
  configProblem = $state<string | null>(null);
  config = $state.raw<PageConfig>(NO_CONFIG);
  settings = $state.raw<Settings>(DEFAULTS);
  online = $state(navigator.onLine);

  wallet = $state.raw<Wallet | null>(null);
  status = $state.raw<Status | null>(null);
  balance = $state.raw<Balance | null>(null);
  channels = $state.raw<Channel[]>([]);
  payments = $state.raw<Payment[]>([]);
  historyComplete = $state(false);
  /** What happened and was not yet dismissed by the person. */
  events = $state.raw<WalletEvent[]>([]);
  /** Requests under way that a lock must not cut off. */
  working = $state(0);

  #detach: (() => void)[] = [];
  #address: Promise<string> | null = null;
  #history: AsyncGenerator<Payment[], void, undefined> | null = null;

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
      this.phase = (await Wallet.exists(this.config.walletName)) ? 'locked' : 'welcome';
    } catch (thrown) {
      this.problem = toWalletError(thrown);
      this.phase = 'blocked';
    }
  }

  async #configure(): Promise<void> {
    const stored = await loadSettings();
    if (stored.problem) this.configProblem = stored.problem.message;
    try {
      this.config = (await loadConfig()) ?? NO_CONFIG;
    } catch (thrown) {
      // Unreachable or broken: the page still opens with what it knows, and says so.
      this.configProblem = toWalletError(thrown).message;
      const network = stored.settings?.network ?? NO_CONFIG.network;
      this.config = { ...NO_CONFIG, network, walletName: network };
    }
    this.settings = this.#fit(stored.settings);
    language.choose(this.settings.language);
  }

  /** The stored settings as far as they fit what is served here. */
  #fit(stored: Settings | null): Settings {
    const { network, gateways, chainSources } = this.config;
    const offered = { network, gateways, chainSources };
    // Another network's gateways do not fit this wallet; looks and language do.
    if (stored?.network !== network) return { ...DEFAULTS, ...stored, ...offered };
    // A list that the person never changed follows what is offered.
    const follows = stored.gateways.length === 0 || namesOf(stored.gateways) === localStorage.getItem(OFFERED);
    return follows && gateways.length > 0 ? { ...stored, ...offered } : stored;
  }

  /** Keeps a change. Throws what the package throws. */
  async saveSettings(change: Partial<Settings>): Promise<void> {
    this.settings = { ...this.settings, ...change };
    language.choose(this.settings.language);
    await saveSettings(this.settings);
  }

  /** Opens, or with `mnemonic` makes, this page's wallet. Throws what the package throws. */
  async openWallet(input: Pick<OpenOptions, 'passphrase' | 'mnemonic' | 'fresh' | 'takeOver'>): Promise<void> {
    const { network, gateways, chainSources } = this.settings;
    const wallet = await Wallet.open({ name: this.config.walletName, network, gateways, chainSources, ...input });
    this.problem = null;
    this.wallet = wallet;
    this.#detach = [
      wallet.onChange((snapshot) => this.#changed(snapshot)),
      wallet.onPayment((payment) => this.#upsert(payment)),
    ];
    void wallet.ended.then((error) => this.#ended(wallet, error));
    void this.#deliver(wallet);
    await this.#load(wallet);
    this.phase = 'open';
    await this.#keepForNextVisit();
  }

  /** What this wallet was opened with is what the next visit starts from, with or without the server's word. */
  async #keepForNextVisit(): Promise<void> {
    try {
      if (this.config.gateways.length > 0) localStorage.setItem(OFFERED, namesOf(this.config.gateways));
      await saveSettings(this.settings);
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
      return await work();
    } finally {
      this.working -= 1;
    }
  }

  async lock(): Promise<void> {
    const { wallet } = this;
    this.#forget();
    this.phase = 'locked';
    await wallet?.lock();
  }

  async destroy(): Promise<void> {
    const { wallet } = this;
    this.#forget();
    this.phase = 'locked';
    try {
      await wallet?.lock();
      await Wallet.destroy(this.config.walletName);
      this.problem = null;
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
        this.events = [...this.events, event];
        await event.ack();
      }
    } catch (thrown) {
      this.#ended(wallet, toWalletError(thrown));
    }
  }

  dismissEvent(id: bigint): void {
    this.events = this.events.filter((event) => event.id !== id);
  }

  #ended(wallet: Wallet, error: WalletError): void {
    if (this.wallet !== wallet) return;
    this.#forget();
    this.problem = error;
    this.phase = 'locked';
  }

  #forget(): void {
    for (const stop of this.#detach) stop();
    this.#detach = [];
    this.#address = null;
    this.#history = null;
    this.wallet = null;
    this.status = null;
    this.balance = null;
    this.channels = [];
    this.payments = [];
    this.events = [];
    this.historyComplete = false;
  }
}

export const app = new App();
