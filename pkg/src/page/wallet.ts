import { amount, required, text, whole } from './arguments.ts';
import { checkEnvironment, keepStorage } from './environment.ts';
import { Events, type WalletEvent } from './events.ts';
import { deriveKey } from './keys.ts';
import type { Link } from './link.ts';
import { connect, openLink, remember, type OpenOptions } from './open.ts';
import { WalletError } from '../error.ts';
import { checkName } from '../names.ts';
import type {
  Balance,
  Channel,
  FeeRates,
  Holder,
  Inspected,
  Notice,
  OnchainSend,
  Payment,
  PaymentRequest,
  Preview,
  Purse,
  Request,
  Rules,
  SignedMessage,
  Spender,
  Spending,
  Status,
  VerifiedMessage,
} from '../protocol.ts';
import type { KdfParams } from '../wire.ts';

/** The state of a wallet, as `onChange` tells it. */
export interface Snapshot {
  status: Status;
  balance: Balance;
}

/**
 * A Lightning wallet that is open in this tab.
 *
 * Amounts are `bigint`: msat where the name says `Msat`, sat where it says `Sat`. Times are seconds since the UNIX epoch.
 * The engine runs in a worker that all tabs of this origin share; each tab has a `Wallet` of its own. Every method rejects
 * with a {@link WalletError}: with `closed` after `close()` or `lock()`, with `walletCrashed` when the engine stopped (open
 * the wallet again: it continues from what was saved), with `fenced` when it was taken over.
 */
export class Wallet {
  /** Which wallet of this origin. */
  readonly name: string;

  /** Resolves when this wallet is no longer open in this tab, with why: `closed`, `walletCrashed`, `fenced`, `versionMismatch`, or what the storage failed with. */
  readonly ended: Promise<WalletError>;

  /** Whether the browser promised to keep this origin's storage; if not, it may delete the wallet when the disk is full. */
  readonly storageKept: Promise<boolean> = keepStorage();

  readonly #link: Link;
  readonly #events: Events;
  readonly #onChange = new Set<(snapshot: Snapshot) => void>();
  readonly #onPayment = new Set<(payment: Payment) => void>();
  readonly #end: (error: WalletError) => void;
  #snapshot: Snapshot | null = null;
  #mnemonic: string | null;

  private constructor(name: string, link: Link, mnemonic: string | null) {
    this.name = name;
    this.#link = link;
    this.#mnemonic = mnemonic;
    this.#events = new Events((id) => this.#ask({ method: 'ack', id }));
    let resolve: (error: WalletError) => void = () => {};
    this.ended = new Promise((done) => (resolve = done));
    this.#end = (error) => {
      this.#events.end(error);
      resolve(error);
    };
    link.onNotice = (notice) => this.#receive(notice);
    link.onEnd = (ending) => {
      remember(name, ending);
      this.#end(ending.error);
    };
  }

  /**
   * Opens a wallet, or with `create` or `mnemonic` makes one. A second tab joins the engine that runs, if the passphrase
   * is right; the options of the first tab hold.
   * @throws {WalletError} `invalidInput`, `invalidMnemonic`, `notAllowedHere`, `walletExists`, `walletNotFound`,
   * `wrongPassphrase`, `wrongNetwork`, `corrupt`, `newerFormat`, `inUse` (offer `takeOver`), `versionMismatch`, `storage`,
   * `storageFull`, `walletCrashed`, `timeout`
   */
  static async open(options: OpenOptions): Promise<Wallet> {
    const { link, mnemonic } = await openLink(options);
    return new Wallet(options.name, link, mnemonic);
  }

  /**
   * Whether this browser holds a wallet of that name. Starts loading the engine.
   * @throws {WalletError} `invalidInput`, `notAllowedHere`, `storage`, `newerFormat`, `corrupt`, `timeout`
   */
  static async exists(name: string): Promise<boolean> {
    return Wallet.#briefly(name, async (link) => (await link.call({ method: 'kdfParams' })) !== null);
  }

  /**
   * Deletes a wallet from this browser for good, in every tab. What it held is lost unless its mnemonic, and for
   * channels a backup, is kept elsewhere. Deleting a wallet that does not exist is no error.
   * @throws {WalletError} `invalidInput`, `notAllowedHere`, `inUse`, `storage`, `timeout`
   */
  static async destroy(name: string, { takeOver = false }: { takeOver?: boolean } = {}): Promise<void> {
    await Wallet.#briefly(name, (link) => link.call({ method: 'destroy', takeOver }));
  }

  /** The words of a wallet just made with `create`, once; afterwards, and otherwise, `null`. */
  takeMnemonic(): string | null {
    const mnemonic = this.#mnemonic;
    this.#mnemonic = null;
    return mnemonic;
  }

  /** The money. */
  async balance(): Promise<Balance> {
    return this.#ask({ method: 'balance' });
  }

  /** Connections, chain, warnings. */
  async status(): Promise<Status> {
    return this.#ask({ method: 'status' });
  }

  /**
   * Makes a BOLT 11 invoice. Without an amount the payer chooses.
   * @throws {WalletError} `invalidInput`
   */
  async receive(
    { amountMsat, description = '', expirySecs }: { amountMsat?: bigint; description?: string; expirySecs?: number } = {},
  ): Promise<PaymentRequest> {
    return this.#ask({
      method: 'receive',
      amountMsat: amount('amountMsat', amountMsat),
      description: text('description', description),
      expirySecs: expirySecs ?? null,
    });
  }

  /** A fresh address for savings. */
  async newAddress(): Promise<string> {
    return this.#ask({ method: 'newAddress' });
  }

  /**
   * Says what a pasted or scanned text is: to whom, how much, until when, and whether it can be paid. Does nothing.
   * @throws {WalletError} `invalidPaymentRequest`, `wrongNetwork`
   */
  async inspect(input: string): Promise<Inspected> {
    return this.#ask({ method: 'inspect', text: text('text', input) });
  }

  /**
   * Pays a BOLT 11 invoice. Resolves when the payment has succeeded, or is still pending after 60 s (then an event tells
   * the outcome); a payment that failed rejects, and nothing left.
   * @param options `amountMsat` for an invoice without amount; `maxFeeMsat`: greatest routing fee, by default 1 % and at
   * least 50 sat, and no more than `spender.approvedMsat` leaves; `spender`: whose purse pays, by default the person's
   * @throws {WalletError} `invalidPaymentRequest`, `wrongNetwork`, `expired`, `alreadyPaid`, `amountMismatch`,
   * `insufficientBalance`, `noRoute`, `payeeRefused`, `feeTooHigh`, `gatewayOffline`; `approvalNeeded` and `purseRefused`,
   * with why in `error.purse`: nothing left
   */
  async pay(
    invoice: string,
    { amountMsat, maxFeeMsat, spender }: { amountMsat?: bigint; maxFeeMsat?: bigint; spender?: Spender } = {},
  ): Promise<Payment> {
    return this.#ask({
      method: 'pay',
      invoice: text('invoice', invoice),
      amountMsat: amount('amountMsat', amountMsat),
      maxFeeMsat: amount('maxFeeMsat', maxFeeMsat),
      spender: spender ?? null,
    });
  }

  /**
   * Sends savings to an address; `'all'` leaves only the anchor reserve and takes the fee off.
   * @param options `feeRate` in sat per 1000 vB (by default the normal one); `dryRun` only says what it would cost;
   * `spender`: whose purse pays, by default the person's
   * @throws {WalletError} `invalidPaymentRequest`, `wrongNetwork`, `insufficientBalance`, `broadcastRejected`,
   * `approvalNeeded`, `purseRefused`
   */
  async send(
    address: string,
    amountSat: bigint | 'all',
    { feeRate, dryRun = false, spender }: { feeRate?: bigint; dryRun?: boolean; spender?: Spender } = {},
  ): Promise<OnchainSend> {
    return this.#ask({
      method: 'send',
      address: text('address', address),
      amount: amountSat === 'all' ? { type: 'all' } : { type: 'exact', sat: required('amountSat', amountSat) },
      feeRate: amount('feeRate', feeRate),
      dryRun,
      spender: spender ?? null,
    });
  }

  /** Fee rates in sat per 1000 vB, by wanted speed. */
  async feeRates(): Promise<FeeRates> {
    return this.#ask({ method: 'feeRates' });
  }

  /** The history, newest first, in pages of at most `pageSize` (1 to 100) lines. */
  async *history({ pageSize = 50 }: { pageSize?: number } = {}): AsyncGenerator<Payment[], void, undefined> {
    if (!Number.isInteger(pageSize) || pageSize < 1 || pageSize > 100) {
      throw new WalletError('invalidInput', '`pageSize` is a whole number from 1 to 100.');
    }
    for (let before: string | null = null; ; ) {
      const page: Payment[] = await this.#ask({ method: 'history', before, limit: pageSize });
      if (page.length > 0) yield page;
      const last = page.at(-1);
      if (last === undefined || page.length < pageSize) return;
      before = last.id;
    }
  }

  /**
   * One line of the history: `id` is the payment hash of a Lightning payment, the transaction id of another.
   * @throws {WalletError} `invalidInput` when there is none of this id
   */
  async payment(id: string): Promise<Payment> {
    return this.#ask({ method: 'payment', id: text('id', id) });
  }

  /** All purses, closed ones included, as they stand; the first is the person's own. */
  async purses(): Promise<Purse[]> {
    return this.#ask({ method: 'purses' });
  }

  /**
   * Gives a holder a purse, which draws from `parent` if there is one. A closed purse of the holder is opened again, with
   * what it spent in windows that stay; its total begins anew.
   * @throws {WalletError} `invalidInput`: rules that bound nothing, a holder who has an open purse, an unknown parent
   */
  async openPurse({ holder, rules, parent }: { holder: Holder; rules: Rules; parent?: number }): Promise<Purse> {
    return this.#ask({ method: 'openPurse', holder, rules, parent: parent === undefined ? null : whole('parent', parent) });
  }

  /**
   * Changes what a purse allows. What was spent in windows that stay is kept; a new window begins empty.
   * @throws {WalletError} `invalidInput`
   */
  async setPurseRules(id: number, rules: Rules): Promise<Purse> {
    return this.#ask({ method: 'setPurseRules', id: whole('id', id), rules });
  }

  /**
   * Adds to a purse's total, at most what the purse that it draws from has left.
   * @throws {WalletError} `invalidInput`; `purseRefused` when the parent has less left
   */
  async topUpPurse(id: number, moreMsat: bigint): Promise<Purse> {
    return this.#ask({ method: 'topUpPurse', id: whole('id', id), moreMsat: required('moreMsat', moreMsat) });
  }

  /**
   * Closes a purse: nothing more is paid from it, or from purses that draw from it. What is under way goes on.
   * @throws {WalletError} `invalidInput`
   */
  async closePurse(id: number): Promise<Purse> {
    return this.#ask({ method: 'closePurse', id: whole('id', id) });
  }

  /**
   * Says what a payment would cost at most and what the holder's purse says to it, for the window that asks the person.
   * Does nothing.
   * @throws {WalletError} `invalidInput`
   */
  async preview(
    { amountMsat, maxFeeMsat, spender }: { amountMsat: bigint; maxFeeMsat?: bigint; spender: Spender },
  ): Promise<Preview> {
    return this.#ask({
      method: 'preview',
      amountMsat: required('amountMsat', amountMsat),
      maxFeeMsat: amount('maxFeeMsat', maxFeeMsat),
      spender,
    });
  }

  /**
   * What was spent by day, holder and purpose, as rows and as CSV.
   * @param days first and last day, such as `2026-11-22`, in the person's time zone; by default everything
   * @throws {WalletError} `invalidInput`
   */
  async spending({ from, to }: { from?: string; to?: string } = {}): Promise<Spending> {
    return this.#ask({ method: 'spending', from: from ?? null, to: to ?? null });
  }

  /**
   * Signs a text of at most 8192 bytes with this wallet's node key, as lnd and Core Lightning do (zbase32).
   * @throws {WalletError} `invalidInput`
   */
  async signMessage(message: string): Promise<SignedMessage> {
    return this.#ask({ method: 'signMessage', message: text('message', message) });
  }

  /**
   * Says which node signed a text. `valid` alone proves nothing: compare `nodeId` with the one that should have signed.
   * @throws {WalletError} `invalidInput`
   */
  async verifyMessage({ message, signature }: { message: string; signature: string }): Promise<VerifiedMessage> {
    return this.#ask({ method: 'verifyMessage', message: text('message', message), signature: text('signature', signature) });
  }

  /** The channels. */
  async channels(): Promise<Channel[]> {
    return this.#ask({ method: 'channels' });
  }

  /**
   * Opens a channel to a gateway from savings. Resolves with its id when the funding is signed.
   * @throws {WalletError} `insufficientBalance`, `gatewayOffline`, `gatewayRefused`
   */
  async openChannel({ gateway, capacitySat }: { gateway: string; capacitySat: bigint }): Promise<string> {
    return this.#ask({
      method: 'openChannel',
      gateway: text('gateway', gateway),
      capacitySat: required('capacitySat', capacitySat),
    });
  }

  /**
   * Asks a gateway to open a channel towards this wallet, within its terms. Resolves with its id.
   * @throws {WalletError} `gatewayOffline`, `gatewayRefused`
   */
  async requestChannel({ gateway, capacitySat }: { gateway: string; capacitySat: bigint }): Promise<string> {
    return this.#ask({
      method: 'requestChannel',
      gateway: text('gateway', gateway),
      capacitySat: required('capacitySat', capacitySat),
    });
  }

  /**
   * Closes a channel; its money goes to savings. `force` needs no cooperation, costs more and takes two weeks.
   * @throws {WalletError} `channelUnavailable`
   */
  async closeChannel(channelId: string, { force = false }: { force?: boolean } = {}): Promise<void> {
    await this.#ask({ method: 'closeChannel', channelId: text('channelId', channelId), force });
  }

  /**
   * What happened to money: every event that nobody acknowledged yet, oldest first, then each new one. Call `ack()` on it
   * once it was acted upon, or it comes again in the next session. Several iterators each get all. After `close()` or
   * `lock()` an iterator returns; when the wallet ended otherwise it throws.
   */
  events(): AsyncGenerator<WalletEvent, void, undefined> {
    return this.#events.iterate();
  }

  /** Calls `listener` with the present state, if it is known, and at each change. Returns a function that ends that. */
  onChange(listener: (snapshot: Snapshot) => void): () => void {
    this.#onChange.add(listener);
    if (this.#snapshot !== null) listener(this.#snapshot);
    return () => this.#onChange.delete(listener);
  }

  /** Calls `listener` with each line of the history that changes. Returns a function that ends that. */
  onPayment(listener: (payment: Payment) => void): () => void {
    this.#onPayment.add(listener);
    return () => this.#onPayment.delete(listener);
  }

  /** A text for bug reports: versions, state, last log lines; no secret, no invoice, no address. */
  async diagnostics(): Promise<string> {
    return this.#ask({ method: 'diagnostics' });
  }

  /**
   * Changes the passphrase.
   * @throws {WalletError} `wrongPassphrase` when `from` is not the present one; `invalidInput` when `to` is empty
   */
  async changePassphrase({ from, to }: { from: string; to: string }): Promise<void> {
    if (text('to', to) === '') throw new WalletError('invalidInput', 'The new passphrase is empty: choose one.');
    const stored = (await this.#link.call({ method: 'kdfParams' })) as KdfParams | null;
    const old = await deriveKey(text('from', from), stored);
    const fresh = await deriveKey(to, null);
    await this.#link.call({ method: 'changePassphrase', from: old.key, to: fresh.key, kdf: fresh.params });
  }

  /** Leaves the wallet in this tab. The engine stops, with everything saved, when the last tab has left. */
  async close(): Promise<void> {
    this.#link.close();
    this.#end(new WalletError('closed', 'The wallet was closed in this tab: open it again.'));
    await this.ended;
  }

  /** Locks the wallet in every tab: the engine finishes its step, stops and forgets the keys. */
  async lock(): Promise<void> {
    await this.#ask({ method: 'close' });
    await this.ended;
  }

  // The answer's type is the one that the request's documentation names; the engine is of the same version (checked when
  // the link was made), so what it answers is not checked again.
  #ask<T>(request: Request): Promise<T> {
    return this.#link.call({ method: 'request', request }) as Promise<T>;
  }

  #receive(notice: Notice): void {
    switch (notice.notice) {
      case 'event':
        this.#events.push(notice.event);
        break;
      case 'changed':
        this.#snapshot = { status: notice.status, balance: notice.balance };
        tell(this.#onChange, this.#snapshot);
        break;
      case 'paymentChanged':
        tell(this.#onPayment, notice.payment);
        break;
      case 'stopped':
        break; // the host makes it the end of this wallet
    }
  }

  static async #briefly<T>(name: string, work: (link: Link) => Promise<T>): Promise<T> {
    checkName(name);
    checkEnvironment();
    const link = await connect(name);
    try {
      return await work(link);
    } finally {
      link.close();
    }
  }
}

/** Calls each listener; what one throws is reported as uncaught and does not keep the others from hearing. */
function tell<T>(listeners: ReadonlySet<(value: T) => void>, value: T): void {
  for (const listener of listeners) {
    try {
      listener(value);
    } catch (error) {
      reportError(error);
    }
  }
}
