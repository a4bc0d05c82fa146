/** A pretended `amplet`, by which `vite --mode fake` replaces the package: `?scenario=none|new|full|down|oldCopy|tokens|sentAll|…`. */

import type {
  Balance,
  Channel,
  ChannelOnDemand,
  FeeRates,
  Inspected,
  OnchainBump,
  OnchainSend,
  OpenOptions,
  PairingJoin,
  Payment,
  PaymentRequest,
  Preview,
  RequestedChannel,
  Budget,
  Rules,
  Snapshot,
  Spending,
  Status,
  Unlock,
  Unlocking,
  WalletEvent,
} from 'amplet';
import { WalletError } from './fake-error.ts';
import { refuseOpening, SharedWallet } from './fake-devices.ts';
import { FakeUnlocking } from './fake-unlocking.ts';
import { backupAt, fakeBackup, joinPairing as join } from './sample-backup.ts';
import { budgets, previewOf, spending } from './sample-budgets.ts';
import { events } from './sample-events.ts';
import { inspected } from './sample-inspect.ts';
import { FakeConnectedBudget } from './sample-links.ts';
import * as parts from './sample-parts.ts';
import * as samples from './samples.ts';

const scenario = new URL(location.href).searchParams.get('scenario') ?? 'full';
const pause = (ms = 350) => new Promise((resolve) => setTimeout(resolve, ms));

/** Scenarios in which there is no wallet at first. */
const WITHOUT = ['none', 'noBackup', 'notFound', 'slow'];

const unlocking = new FakeUnlocking(WITHOUT.includes(scenario) ? 'none' : scenario);

export class Wallet extends SharedWallet {
  readonly name = 'fake';
  readonly storageKept = Promise.resolve(scenario !== 'notKept');
  readonly ended: Promise<WalletError>;
  #end: (error: WalletError) => void = () => undefined;
  #listeners = new Set<(snapshot: Snapshot) => void>();
  #payers = new Set<(payment: Payment) => void>();
  #status: Status = samples.status(scenario);
  #balance: Balance = samples.balance(scenario);
  #channels: Channel[] = scenario === 'new' || scenario === 'none' ? [] : samples.channels(scenario);
  #budgets: Budget[] = scenario === 'new' || scenario === 'none' ? budgets().slice(0, 1) : budgets(scenario);
  #records = new Map<string, string>();
  #payments: Payment[] = scenario === 'new' || scenario === 'none' ? [] : samples.payments();

  private constructor() {
    super(unlocking);
    if (scenario === 'sentAll') this.#payments.unshift(samples.sentAll());
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }

  static async open(options: OpenOptions): Promise<Wallet> {
    await pause();
    if (options.mnemonic) unlocking.create(options.passphrase, options.passkey);
    unlocking.prove(options.passphrase ?? { passkey: true });
    refuseOpening(options);
    options.onProgress?.({ done: 300, of: 420 });
    if (scenario === 'slow') await new Promise(() => undefined);
    const wallet = new Wallet();
    if (options.backup) wallet.#status = { ...wallet.#status, backup: backupAt(options.backup) };
    return wallet;
  }

  readonly backup = fakeBackup(
    () => this.#status.backup,
    (backup) => {
      this.#status = { ...this.#status, backup };
      this.#tell();
    },
  );

  static async unlocking(): Promise<Unlocking | null> {
    if (scenario === 'blocked')
      throw new WalletError(
        'notAllowedHere',
        'This page was loaded insecurely, so the browser withholds what a wallet needs: open it over https, or as http://localhost.',
      );
    return unlocking.state();
  }

  static async revealMnemonic(_: string, unlock: Unlock): Promise<string> {
    await pause();
    unlocking.prove(unlock);
    return samples.MNEMONIC;
  }

  static async connect(code: string): Promise<FakeConnectedBudget> {
    return new FakeConnectedBudget(code);
  }

  static async destroy(): Promise<void> {
    unlocking.forget();
  }

  async balance(): Promise<Balance> {
    return this.#balance;
  }

  async status(): Promise<Status> {
    return this.#status;
  }

  async receive(input: { amountMsat?: bigint; channel?: ChannelOnDemand } = {}): Promise<PaymentRequest> {
    await pause();
    const wanted = input.amountMsat ?? 0n;
    const channel =
      input.channel === 'ifNeeded' && wanted >= this.#balance.receivableMsat ? this.#makeRoom(wanted) : null;
    const missing =
      wanted > this.#balance.receivableMsat || this.#balance.receivableMsat === 0n
        ? { code: 'insufficientInbound' as const, message: samples.engineText('no room'), causes: [] }
        : null;
    return {
      invoice: samples.INVOICE,
      paymentHash: samples.id(60),
      expiresAt: samples.now() + 3600n,
      missing,
      ...(channel && { channel }),
    };
  }

  /** A channel of a gateway's that money can come through at once. */
  #makeRoom(amountMsat: bigint): RequestedChannel {
    const capacitySat = 100_000n + (amountMsat * 5n) / 4_000n;
    this.#balance = { ...this.#balance, receivableMsat: this.#balance.receivableMsat + capacitySat * 990n };
    this.#tell();
    return { channelId: samples.id(83), gateway: samples.PAYEE, capacitySat, trusted: true };
  }

  async newAddress(): Promise<string> {
    return samples.ADDRESS;
  }

  async inspect(text: string, { amountMsat }: { amountMsat?: bigint } = {}): Promise<Inspected> {
    await pause(120);
    return inspected(text, amountMsat ?? null, this.#balance);
  }

  async pay(invoice: string): Promise<Payment> {
    const [first] = samples.payments();
    const line = { ...first, id: samples.id(61), createdAt: samples.now(), settledAt: samples.now() } as Payment;
    const count = Number(/x(\d+)parts/.exec(invoice)?.[1] ?? 0);
    if (count > 0) {
      const amountMsat = parts.livingParts(count, true).reduce((sum, part) => sum + part.amountMsat, 0n);
      const pending = { ...line, amountMsat, state: 'pending', preimage: null, settledAt: null, durationMs: null };
      this.#pay({ ...pending, parts: parts.livingParts(count, false) } as Payment);
      if (invoice.includes('held')) await this.ended;
      await pause(600);
      return this.#pay({ ...line, amountMsat, parts: parts.livingParts(count, true), hops: 4, durationMs: 4_218n });
    }
    const sent = invoice.includes('hundreds') ? parts.manyParts() : parts.threeParts('succeeded');
    if (invoice.includes('parts') || invoice.includes('hundreds')) {
      const leaving = sent.map((part) => ({ ...part, state: 'pending' as const, failedAt: null }));
      const pending = {
        ...line,
        state: 'pending',
        preimage: null,
        hops: null,
        settledAt: null,
        durationMs: null,
      } as Payment;
      this.#pay({ ...pending, parts: leaving.slice(0, -1) });
      await pause(600);
      if (invoice.includes('hundreds')) return this.#pay({ ...pending, parts: sent });
      this.#pay({ ...pending, parts: parts.threeParts('pending') });
      // Paying goes on for as long as it is looked at.
      if (invoice.includes('held')) await this.ended;
      await pause(600);
      return this.#pay({ ...line, parts: sent, hops: 3 });
    }
    await pause(1200);
    if (invoice.includes('fail'))
      throw new WalletError(
        'noRoute',
        'No route with enough liquidity was found within the fee limit. Raise the limit, or try again later.',
      );
    return this.#pay(line);
  }

  #pay(line: Payment): Payment {
    this.#payments = [line, ...this.#payments.filter(({ id }) => id !== line.id)];
    for (const tell of this.#payers) tell(line);
    return line;
  }

  async send(_address: string, amount: bigint | 'all', { feeRate = 2000n, dryRun = false } = {}): Promise<OnchainSend> {
    await pause(200);
    return this.#cost(amount, feeRate, dryRun);
  }

  #cost(amount: bigint | 'all', feeRate: bigint, dryRun: boolean): OnchainSend {
    const feeSat = (feeRate * 154n) / 1000n;
    const most = this.#balance.onchainSat - this.#balance.reserveSat - feeSat;
    const amountSat = amount === 'all' ? most : amount;
    if (amountSat > most)
      throw new WalletError(
        'insufficientBalance',
        `Savings are short of ${amountSat - most} sat (the fee and the reserve included). Send less.`,
      );
    return { txid: dryRun ? null : samples.id(70), amountSat, feeSat };
  }

  async channelCost(capacitySat: bigint): Promise<OnchainSend> {
    return this.#cost(capacitySat, 2000n, true);
  }

  async bumpFee(_id: string, { feeRate = 8200n, dryRun = false, fromAmount = false } = {}): Promise<OnchainBump> {
    await pause(200);
    const feeSat = (feeRate * 154n) / 1000n;
    if (scenario === 'sentAll' && !fromAmount)
      throw new WalletError(
        'insufficientBalance',
        '955 sat of savings are missing for the higher fee; choose a lower one, deposit more, or let the payee get less',
      );
    const less = fromAmount ? { amountSat: 48_738n } : {};
    const txid = dryRun ? null : samples.id(71);
    return { txid, method: 'replacement', feeRate, feeSat, replacedFeeSat: 308n, ...less };
  }

  async cancel(id: string, options: { feeRate?: bigint; dryRun?: boolean } = {}): Promise<OnchainBump> {
    return this.bumpFee(id, options);
  }

  async feeRates(): Promise<FeeRates> {
    return { fast: 8200n, normal: 4000n, slow: 1100n };
  }

  async *history(): AsyncGenerator<Payment[], void, undefined> {
    yield this.#payments;
  }

  async payment(id: string): Promise<Payment> {
    const found = this.#payments.find((line) => line.id === id);
    if (!found) throw new WalletError('invalidInput', 'There is no payment of this id.');
    return found;
  }

  async budgets(): Promise<Budget[]> {
    return this.#budgets;
  }

  async openBudget({ holder, rules }: Pick<Budget, 'holder' | 'rules'>): Promise<Budget> {
    await pause();
    const same = JSON.stringify(holder);
    const closed = this.#budgets.find((budget) => JSON.stringify(budget.holder) === same);
    if (closed && !closed.closed)
      throw new WalletError('invalidInput', 'This holder has a budget already; change its rules instead.');
    const budget: Budget = {
      id: closed?.id ?? this.#budgets.length,
      holder,
      parent: null,
      rules,
      closed: false,
      usage: [],
      leftMsat: null,
    };
    this.#budgets = [...this.#budgets.filter(({ id }) => id !== budget.id), budget];
    return budget;
  }

  async preview(cost: { amountMsat: bigint; maxFeeMsat?: bigint }): Promise<Preview> {
    return previewOf(this.#budgets[0] ?? null, cost);
  }

  async setBudgetRules(id: number, rules: Rules): Promise<void> {
    await pause();
    this.#budgets = this.#budgets.map((budget) => (budget.id === id ? { ...budget, rules } : budget));
  }

  async closeBudget(id: number): Promise<void> {
    await pause();
    this.#budgets = this.#budgets.map((budget) => (budget.id === id ? { ...budget, closed: true } : budget));
  }

  async spending(): Promise<Spending> {
    return scenario === 'new' ? { rows: [], csv: '' } : spending();
  }

  async siteRecordKeys(prefix: string): Promise<string[]> {
    return [...this.#records.keys()].filter((key) => key.startsWith(prefix));
  }

  async siteRecord(key: string): Promise<string | null> {
    return this.#records.get(key) ?? null;
  }

  async setSiteRecords(records: { key: string; value: string | null }[]): Promise<void> {
    for (const { key, value } of records) {
      if (value === null) this.#records.delete(key);
      else this.#records.set(key, value);
    }
  }

  async channels(): Promise<Channel[]> {
    return this.#channels;
  }

  async openChannel({ gateway, capacitySat }: { gateway: string; capacitySat: bigint }): Promise<string> {
    await pause(900);
    const channel = samples.opened(gateway, capacitySat);
    this.#channels = [...this.#channels, channel];
    this.#tell();
    return channel.id;
  }

  async requestChannel(input: { gateway: string; capacitySat: bigint }): Promise<string> {
    return this.openChannel(input);
  }

  async closeLostChannels({ close = true }: { close?: boolean } = {}): Promise<void> {
    await pause();
    const { lost } = this.#status;
    if (lost) this.#status = { ...this.#status, lost: { ...lost, asksToClose: close } };
    this.#tell();
  }

  async cancelInvoice(id: string): Promise<void> {
    await pause();
    const error = { code: 'cancelled' as const, message: samples.engineText('it was cancelled'), causes: [] };
    const open = this.#payments.find((payment) => payment.id === id);
    if (open) for (const tell of this.#payers) tell({ ...open, state: 'failed', error });
  }

  async setRate(): Promise<void> {}

  async closeChannel(channelId: string): Promise<void> {
    await pause();
    this.#channels = this.#channels.map((channel) =>
      channel.id === channelId ? { ...channel, state: 'closing' } : channel,
    );
    this.#tell();
  }

  events(): AsyncGenerator<WalletEvent, void, undefined> {
    return events(() => this.#payments);
  }

  onChange(listener: (snapshot: Snapshot) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onPayment(listener: (payment: Payment) => void): () => void {
    this.#payers.add(listener);
    return () => this.#payers.delete(listener);
  }

  async diagnostics(): Promise<string> {
    return 'pretended engine: nothing to diagnose';
  }

  async lock(): Promise<void> {
    this.#end(new WalletError('closed', 'The wallet was locked.'));
  }

  #tell(): void {
    for (const listener of this.#listeners) listener({ status: this.#status, balance: this.#balance });
  }
}

export { WalletError } from './fake-error.ts';
export { BudgetLinks, budgetCode, serveBudgets } from './sample-links.ts';
export { offerPairing } from './sample-backup.ts';
export const joinPairing = (code: string): Promise<PairingJoin> => join(code, samples.MNEMONIC);

export { loadRates } from './fake-rates.ts';
export { passkeysAvailable, unlockKey } from './fake-unlocking.ts';
export { checkMnemonic, generateMnemonic, suggestWords } from './fake-words.ts';
export { loadSettings, saveSettings } from './fake-settings.ts';
