/// <reference lib="esnext.disposable" preserve="true" />

import { keepStorage } from '#platform';
import { WalletError } from '../base/error.ts';
import type { Authorization, Notice, Payment, Request } from '../base/protocol.ts';
import { checkName } from '../link/names.ts';
import { FLAG, FUNCTION, must, OBJECT, SIGNAL, whole } from '../base/kinds.ts';
import { named, text } from './arguments.ts';
import { Backup } from './backup.ts';
import { briefly, words } from './briefly.ts';
import { Events, type WalletEvent } from './events.ts';
import type { Link } from './link.ts';
import { connectBudget, type ConnectOptions } from './links/connect.ts';
import type { ConnectedBudget } from './links/connected.ts';
import { notify } from './notify.ts';
import { fromOpen, openLink, remember, untaken, type OpenedLink } from './open.ts';
import type { OpenOptions, RestoreOptions } from './open-options.ts';
import { Requests } from './requests.ts';
import { environment } from './stream/environment.ts';
import { checkStream, type StreamOptions } from './stream/options.ts';
import { Stream } from './stream/stream.ts';
import type { Snapshot } from './types.ts';
import type { Passkey } from './passkeys.ts';
import * as unlocks from './unlock.ts';
import type { Unlock, Unlocking } from './unlock.ts';
import { PaymentList, whenPaid } from './watching.ts';

/**
 * A Lightning wallet that is open in this tab.
 *
 * Amounts are `bigint`: msat where the name says `Msat`, sat where it says `Sat`. Times are seconds since the UNIX epoch.
 * The engine runs in a worker that all tabs of this origin share; each tab has a `Wallet` of its own. Every method rejects
 * with a {@link WalletError}: with `closed` after `close()` or `lock()`, with `walletCrashed` when the engine stopped (open
 * the wallet again: it continues from what was saved), with `fenced` when it was taken over by another tab, with
 * `movedToAnotherDevice` when another device of the user's has it now ({@link Wallet.moveHere}).
 */
export class Wallet extends Requests {
  /** Name of the wallet in this origin. */
  readonly name: string;

  /**
   * Resolves when this wallet is no longer open in this tab, with why: `closed`, `walletCrashed`, `fenced`, `versionMismatch`,
   * `movedToAnotherDevice` (`error.device` has its name), `deviceRemoved` (on another device: the copy here can be deleted, nothing is
   * lost), `backupStale` (open it again: it is brought up to its backup), or what the storage failed with.
   */
  readonly ended: Promise<WalletError>;

  /** Resolves to whether the browser promised to keep this origin's storage; if not, it may delete the wallet when the disk is full. */
  readonly storageKept: Promise<boolean> = keepStorage();

  /** Its remote backup: how it stands, and how it is changed. */
  readonly backup: Backup;

  /** Leaves the wallet in this tab at the end of a block, as `close()` does: `await using wallet = await Wallet.open(..)`. */
  declare readonly [Symbol.asyncDispose]: () => Promise<void>;

  readonly #link: Link;
  readonly #events: Events;
  readonly #onChange = new Set<(snapshot: Snapshot) => void>();
  readonly #onPayment = new Set<(payment: Payment) => void>();
  readonly #end: (error: WalletError) => void;
  #snapshot: Snapshot | null = null;
  /** How to open it again, while another device could take it: for wallets with a backup alone. It has the key. */
  #again: OpenedLink['again'] | null;

  private constructor(name: string, opened: OpenedLink) {
    const { link, again } = fromOpen(opened);
    super((request) => link.call({ method: 'request', request }));
    this.name = name;
    this.#link = link;
    this.#again = again;
    this.backup = new Backup((request) => link.call({ method: 'request', request }));
    this.#events = new Events(
      async (id) => void (await link.call({ method: 'request', request: { method: 'ack', id } })),
    );
    let resolve: (error: WalletError) => void = () => {};
    this.ended = new Promise((done) => (resolve = done));
    this.#end = (error) => {
      this.#events.end(error);
      resolve(error);
    };
    // Where a browser lacks the symbol, the one that bundlers put in its place when they translate `await using`.
    const dispose = Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose');
    Object.defineProperty(this, dispose, { value: () => this.close() });
    link.onNotice = (notice) => this.#receive(notice);
    link.onEnd = (ending) => {
      remember(name, ending);
      if (ending.error.code !== 'movedToAnotherDevice') this.#forgetKey();
      this.#end(ending.error);
    };
  }

  /**
   * Opens a wallet, or with `create` or `mnemonic` makes one. A second tab joins the engine that runs, if the passphrase
   * is right; the options of the first tab hold. When `signal` is aborted before it resolves, it rejects with the signal's
   * reason and leaves the wallet again.
   * @throws {WalletError} `invalidInput`, `invalidMnemonic`, `notAllowedHere`, `walletExists`, `walletNotFound`,
   * `wrongPassphrase`, `passkeyRefused`, `passkeyUnsupported`, `wrongNetwork`, `corrupt`, `newerFormat`, `inUse` (offer `takeOver`),
   * `versionMismatch`, `storage`, `storageFull`, `walletCrashed`, `timeout`; with a backup `movedToAnotherDevice` (offer `moveHere`),
   * `deviceRemoved`, `backupUnreachable`, `backupRefused`, `backupExists`, and with a mnemonic that is not fresh `backupNotFound`,
   * `backupStale`
   */
  static async open(options: OpenOptions): Promise<Wallet> {
    const opened = await openLink(options);
    return new Wallet(options.name, opened);
  }

  /**
   * Brings a wallet back in this browser: from its mnemonic and its `backup` whole, as it was at its last step; from its mnemonic and a
   * `file`, its money and history, with channels that rest until their peers close them; from its mnemonic alone, the on-chain
   * money. `moveHere` when another device still has it; `onProgress` hears how much was read.
   * @throws {WalletError} as {@link Wallet.open} with a mnemonic: `backupNotFound` (nothing there for these words),
   * `backupUnreachable`, `backupStale` (the file is older than what the backup knows), `movedToAnotherDevice`
   */
  static async restore(options: RestoreOptions): Promise<Wallet> {
    if (text('mnemonic', must('restore', options, OBJECT).mnemonic).trim() === '')
      throw new WalletError('invalidMnemonic', 'The mnemonic is empty: a wallet has 12 or 24 words.');
    return Wallet.open(options);
  }

  /**
   * Connects to a budget of somebody else's wallet, by the link that it was handed out with: what is paid is paid by that wallet, while
   * it is open, and as far as the budget allows. Loads no engine, and asks nothing yet.
   * @throws {WalletError} `invalidInput`: this is no link to a budget
   */
  static async connect(link: string, options?: ConnectOptions): Promise<ConnectedBudget> {
    return connectBudget(link, options);
  }

  /**
   * Takes the wallet back from the device that has it, after `ended` said `movedToAnotherDevice`: opens it here again, as it is now, and
   * resolves with it; this object stays ended. Call it when the user asks for it, never by itself: two devices would take the wallet
   * from each other without end.
   * @throws {WalletError} `closed`: it was closed, locked, or had no backup when it was opened: open it with `moveHere`. As
   * {@link Wallet.open}
   */
  async moveHere(): Promise<Wallet> {
    const again = this.#again;
    if (again === null) throw new WalletError('closed', 'The wallet was closed in this tab: open it again.');
    const wallet = await Wallet.open({ ...again, moveHere: true });
    this.#forgetKey();
    return wallet;
  }

  /**
   * Returns whether this browser holds a wallet of that name. Starts loading the engine.
   * @throws {WalletError} `invalidInput`, `notAllowedHere`, `storage`, `newerFormat`, `corrupt`, `timeout`
   */
  static async exists(name: string): Promise<boolean> {
    return (await Wallet.unlocking(name)) !== null;
  }

  /**
   * Returns what opens the wallet of that name, passphrase or passkeys; `null` when this browser holds none. Starts loading the engine.
   * @throws {WalletError} `invalidInput`, `notAllowedHere`, `storage`, `newerFormat`, `corrupt`, `timeout`
   */
  static async unlocking(name: string): Promise<Unlocking | null> {
    return briefly(name, async (link) => {
      const sources = await unlocks.sourcesOf(link);
      return sources && unlocks.unlockingOf(sources);
    });
  }

  /**
   * The words of a stored wallet, for its passphrase or a passkey of it, without opening it: for a wallet that cannot be opened. Show
   * them to nobody but its user.
   * @throws {WalletError} `wrongPassphrase`, `passkeyRefused`, `passkeyUnsupported`, `invalidInput`, `notAllowedHere`, `walletNotFound`,
   * `corrupt`, `newerFormat`, `storage`, `timeout`
   */
  static async revealMnemonic(name: string, unlock: Unlock): Promise<string> {
    checkName(name);
    unlocks.byPasskey(unlock);
    return briefly(name, (link) => words(name, link, unlock));
  }

  /**
   * Deletes a wallet from this browser permanently, in every tab. What it held is lost unless its mnemonic, and for
   * channels a backup, is kept elsewhere. One that is open is not deleted (`inUse`): lock it before. Deleting a wallet that does not
   * exist is no error.
   * @param options `takeOver`: deletes it also while it is open, here or in another tab, whatever it holds or has under way
   * @throws {WalletError} `invalidInput`, `notAllowedHere`, `inUse`, `storage`, `timeout`
   */
  static async destroy(name: string, options?: { takeOver?: boolean | undefined }): Promise<void> {
    const { takeOver = false } = named('destroy', options, { takeOver: FLAG });
    await briefly(name, (link) => link.call({ method: 'destroy', takeOver }));
    untaken.delete(name);
  }

  /**
   * The words of a wallet that this page has made with `create`, once; afterwards, after `lock()`, and otherwise, `null`. It need not
   * be the very `Wallet` that made it, as long as it is the same page.
   */
  takeMnemonic(): string | null {
    const mnemonic = untaken.get(this.name) ?? null;
    untaken.delete(this.name);
    return mnemonic;
  }

  /**
   * The words again, for the passphrase or a passkey only: whoever finds the wallet open does not get them. Show them to nobody else.
   * @throws {WalletError} `wrongPassphrase`, `passkeyRefused`, `passkeyUnsupported`, `invalidInput` when the passphrase is empty
   */
  async revealMnemonic(unlock: Unlock): Promise<string> {
    unlocks.byPasskey(unlock);
    return words(this.name, this.#link, unlock);
  }

  /**
   * Yields what happened to money: every event that nobody acknowledged yet, oldest first, then each new one. Call `ack()` on it
   * once it was acted upon, or it comes again in the next session. Several iterators each get all. After `close()` or
   * `lock()` an iterator returns; when the wallet ended otherwise it throws.
   * @param options `signal`: aborted, the iterator returns; so it does at a `break` or `return()`, also while it waits
   * @throws {WalletError} `invalidInput`
   */
  events(options?: { signal?: AbortSignal | undefined }): AsyncGenerator<WalletEvent, void, undefined> {
    return this.#events.iterate(named('events', options, { signal: SIGNAL }).signal);
  }

  /** Calls `listener` with the present state, if it is known, and at each change. Returns a function that ends that. */
  onChange(listener: (snapshot: Snapshot) => void): () => void {
    this.#onChange.add(must('listener', listener, FUNCTION));
    if (this.#snapshot !== null) listener(this.#snapshot);
    return () => this.#onChange.delete(listener);
  }

  /** Calls `listener` with each record of the history that changes. Returns a function that ends that. */
  onPayment(listener: (payment: Payment) => void): () => void {
    this.#onPayment.add(must('listener', listener, FUNCTION));
    return () => this.#onPayment.delete(listener);
  }

  /**
   * Calls `listener` with the newest payments, newest first, and again with all of them whenever one changes: a list to be shown.
   * Resolves once it was told first, with a function that ends that.
   * @param options `limit`: number of payments, 1 to 100, by default 50; `signal`: aborted, it ends
   * @throws {WalletError} `invalidInput`
   */
  async onPayments(
    listener: (payments: Payment[]) => void,
    options?: { limit?: number | undefined; signal?: AbortSignal | undefined },
  ): Promise<() => void> {
    const { limit = 50, signal } = named('onPayments', options, { limit: whole(1, 100), signal: SIGNAL });
    must('listener', listener, FUNCTION);
    signal?.throwIfAborted();
    const pages = this.history({ pageSize: limit });
    const list = new PaymentList(limit, listener);
    const end = this.onPayment((payment) => list.change(payment));
    signal?.addEventListener('abort', end, { once: true });
    const first = await pages.next().catch((error: unknown) => {
      end();
      throw error;
    });
    if (!signal?.aborted) list.load(first.value ?? []);
    return end;
  }

  /**
   * Waits until an invoice of this wallet is paid, and resolves with its payment; at once when it was paid before. What else has to happen
   * then is an event's ({@link Wallet.events}), which comes again until it was acknowledged.
   * @param options `signal`: aborted, it rejects with the signal's reason; the invoice can be paid all the same
   * @throws {WalletError} `expired`: it was not paid in time; `invalidInput`: this wallet has no payment of this hash
   */
  async paid(paymentHash: string, options?: { signal?: AbortSignal | undefined }): Promise<Payment> {
    const { signal } = named('paid', options, { signal: SIGNAL });
    text('paymentHash', paymentHash);
    signal?.throwIfAborted();
    return whenPaid(this, paymentHash, signal);
  }

  /**
   * Changes the passphrase, or gives one to a wallet that has passkeys only. A copy of the storage made before opens as it did.
   * @param options `from`: the present passphrase, or a passkey
   * @throws {WalletError} `wrongPassphrase` when `from` is not the present one; `passkeyRefused`, `passkeyUnsupported`; `invalidInput`
   * when `to` is empty
   */
  async changePassphrase(options: { from: Unlock; to: string }): Promise<void> {
    const { from, to } = named('changePassphrase', options, { from: true, to: true });
    unlocks.byPasskey(from, 'from');
    unlocks.checkPassphrase(to, 'to');
    await unlocks.changePassphrase(this.#link, from, to);
  }

  /**
   * Takes the passphrase from a wallet that a passkey opens.
   * @param unlock the passphrase, or a passkey
   * @throws {WalletError} `wrongPassphrase`, `passkeyRefused`, `passkeyUnsupported`; `invalidInput` when nothing else opens the wallet
   */
  async removePassphrase(unlock: Unlock): Promise<void> {
    unlocks.byPasskey(unlock);
    await unlocks.removePassphrase(this.#link, unlock);
  }

  /** The passkeys that open this wallet, oldest first. */
  async passkeys(): Promise<Passkey[]> {
    return unlocks.unlockingOf((await unlocks.sourcesOf(this.#link)) ?? []).passkeys;
  }

  /**
   * Has the user make one more passkey that opens this wallet; at most sixteen.
   * @param options `name`: 1 to 64 characters, to know it by; `unlock`: the passphrase, or a passkey that opens it now
   * @throws {WalletError} `wrongPassphrase`, `passkeyRefused` (the prompt was closed), `passkeyUnsupported` (this browser or authenticator
   * has no PRF extension: nothing was added); `invalidInput`: a bad name, no room, or this device has one
   */
  async addPasskey(options: { name: string; unlock: Unlock }): Promise<Passkey> {
    const { name, unlock } = named('addPasskey', options, { name: true, unlock: true });
    text('name', name);
    unlocks.byPasskey(unlock);
    return unlocks.addPasskey(this.#link, this.name, name, unlock);
  }

  /**
   * Lets a passkey open this wallet no more. A copy of the storage made before still opens with it.
   * @param unlock the passphrase, or a passkey that opens it now (also that one)
   * @throws {WalletError} `wrongPassphrase`, `passkeyRefused`, `passkeyUnsupported`; `invalidInput` when there is no such passkey, or
   * nothing else opens the wallet
   */
  async removePasskey(id: string, unlock: Unlock): Promise<void> {
    text('id', id);
    unlocks.byPasskey(unlock);
    await unlocks.removePasskey(this.#link, id, unlock);
  }

  /**
   * Pays a session per second, per unit, or both, in as few payments as the payee's credit allows; runs at once, and pauses
   * while the page is hidden or the network is gone. A session whose stream is open already (in an earlier run) continues in
   * the same record of the history.
   * @throws {WalletError} `invalidInput`
   */
  async stream(options: StreamOptions): Promise<Stream> {
    checkStream(options);
    const { to } = options;
    const { records = [], ...payer } = options.authorization ?? {};
    const authorization = options.authorization === undefined ? null : (payer as Authorization);
    const ask = (request: Request): Promise<Payment> =>
      this.#link.call({ method: 'request', request }) as Promise<Payment>;
    const line = await ask({ method: 'openStream', payee: to.nodeId, session: to.session, records });
    const wallet = {
      pay: (stream: string, amountMsat: bigint, maxFeeMsat: bigint | null) =>
        ask({ method: 'streamPay', stream, amountMsat, maxFeeMsat, authorization }),
      close: (stream: string) => this.closeStream(stream),
      onPayment: (listener: (payment: Payment) => void) => this.onPayment(listener),
      onAble: (listener: (able: boolean) => void) => this.onChange(({ status }) => listener(status.ableToPay)),
      ended: this.ended,
    };
    return new Stream(options, line, wallet, environment);
  }

  /**
   * Leaves the wallet in this tab. The engine stops, with everything saved, when the last tab has left. Whoever waits for a payment
   * is told `closed` with the outcome `open`: it goes on, in another tab at once, else when the wallet is opened again.
   */
  async close(): Promise<void> {
    this.#forgetKey();
    this.#link.close();
    this.#end(new WalletError('closed', 'The wallet was closed in this tab: open it again.'));
    await this.ended;
  }

  /** Locks the wallet in every tab: the engine finishes its step, stops and forgets the keys. Payments under way: as with `close`. */
  async lock(): Promise<void> {
    untaken.delete(this.name);
    this.#forgetKey();
    await this.#link.call({ method: 'request', request: { method: 'close' } });
    await this.ended;
  }

  #receive(notice: Notice): void {
    switch (notice.notice) {
      case 'event':
        this.#events.push(notice.event);
        break;
      case 'changed':
        this.#snapshot = { status: notice.status, balance: notice.balance };
        if (notice.status.backup === null) this.#forgetKey();
        this.backup.change(notice.status.backup);
        notify(this.#onChange, this.#snapshot);
        break;
      case 'paymentChanged':
        notify(this.#onPayment, notice.payment);
        break;
      case 'stopped':
        break; // the host makes it the end of this wallet
    }
  }

  /** Whoever finds this page later does not find the key. */
  #forgetKey(): void {
    this.#again?.key.fill(0);
    this.#again = null;
  }
}
