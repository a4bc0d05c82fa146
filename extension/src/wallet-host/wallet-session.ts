/** The open wallet, and how it comes to be open: with the key that a window derived and the browser's memory keeps. */

import { Wallet, type WalletError } from 'amplet';
import { loadSetup } from 'amplet-ui/app/setup.ts';
import { atRest } from 'amplet-ui/app/work.ts';
import { toWalletError } from 'amplet-ui/text/errors.ts';
import type { RunTask } from './wallet-host.ts';

/** Ms until an engine that ended by itself is opened again; doubled each time, up to the last. */
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 60_000;
/** Ms that a wallet which was just opened has to reach a gateway. */
const REACH_MS = 10_000;

/** See the head of this file. */
export class WalletSession {
  readonly #runTask: RunTask;
  readonly #prepare: (wallet: Wallet) => Promise<void>;
  readonly #opened: (wallet: Wallet) => void;
  #wallet: Wallet | null = null;
  #reached = Promise.resolve();
  #opening: Promise<void> | null = null;
  #pause = FIRST_PAUSE;
  #locked = true;
  #later: ReturnType<typeof setTimeout> | undefined;
  #moved = false;

  /** Called when the wallet is locked, and when it, or another one, is unlocked. */
  changed: () => void = () => {};

  /** `prepare` is waited for before a wallet that was opened is anybody's, and never rejects; `opened` is called then. */
  constructor(
    runTask: RunTask,
    { prepare, opened }: { prepare: (wallet: Wallet) => Promise<void>; opened: (wallet: Wallet) => void },
  ) {
    this.#runTask = runTask;
    this.#prepare = prepare;
    this.#opened = opened;
  }

  /** The wallet, if it is unlocked. */
  get wallet(): Wallet | null {
    return this.#wallet;
  }

  /** Resolves once everyday money can move, at the latest when the wallet seems not to reach its gateways. */
  get reached(): Promise<void> {
    return this.#reached;
  }

  /** True if it is open, or will be without the user. */
  get unlocked(): boolean {
    return this.#wallet !== null || this.#opening !== null || this.#later !== undefined;
  }

  /** True if another device has the wallet: it is not opened before the user has moved it here. */
  get moved(): boolean {
    return this.#moved;
  }

  /** A window has unlocked the wallet, or moved it here. */
  async openAgain(): Promise<void> {
    this.#moved = false;
    await this.open();
  }

  /** Opens the wallet if it is unlocked; returns when that is decided. */
  async open(): Promise<Wallet | null> {
    if (this.#wallet === null && !this.#moved) {
      this.#opening ??= this.#open().finally(() => (this.#opening = null));
      await this.#opening;
    }
    return this.#wallet;
  }

  /**
   * Locks the wallet for all windows. What goes on is finished first: with `wait` it is waited for, otherwise nothing is done
   * and the answer is `false`.
   */
  lock({ wait }: { wait: boolean }): Promise<boolean> {
    return atRest(
      async () => {
        await this.#opening;
        await this.#runTask({ to: 'browser', ask: 'locked' }); // first, so that nobody who asks meanwhile opens it again
        await this.#wallet?.lock();
      },
      { wait },
    );
  }

  #setLocked(locked: boolean): void {
    if (this.#locked === locked) return;
    this.#locked = locked;
    this.changed();
  }

  async #open(): Promise<void> {
    const key = await this.#runTask({ to: 'browser', ask: 'key' });
    if (!(key instanceof Uint8Array)) return;
    const { config, settings } = await loadSetup();
    const { network, gateways, chainSources } = settings;
    try {
      const wallet = await Wallet.open({ name: config.walletName, network, gateways, chainSources, key });
      await this.#prepare(wallet);
      this.#wallet = wallet;
      this.#reached = reaches(wallet);
      this.#pause = FIRST_PAUSE;
      this.#setLocked(false);
      void wallet.ended.then((error) => this.#ended(wallet, error));
      this.#opened(wallet);
    } catch (thrown) {
      this.#failed(toWalletError(thrown));
    }
  }

  /** The passphrase was changed, or the wallet deleted: the user unlocks again. Anything else may pass. */
  #failed(error: WalletError): void {
    console.warn('wallet', error.code, error.message);
    if (error.code === 'movedToAnotherDevice') this.#rest();
    else if (error.code === 'wrongPassphrase' || error.code === 'walletNotFound')
      void this.#runTask({ to: 'browser', ask: 'locked' });
    else this.#again();
  }

  #ended(wallet: Wallet, error: WalletError): void {
    if (this.#wallet !== wallet) return;
    this.#wallet = null;
    if (error.code === 'movedToAnotherDevice') this.#rest();
    else if (error.code === 'closed') {
      this.#setLocked(true);
      void this.#runTask({ to: 'browser', ask: 'locked' });
    } else this.#again();
  }

  /** Opening it again would take it from the device on which the user is. */
  #rest(): void {
    this.#moved = true;
    this.#setLocked(true);
  }

  #again(): void {
    clearTimeout(this.#later);
    this.#later = setTimeout(() => {
      this.#later = undefined;
      void this.open();
    }, this.#pause);
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
  }
}

function reaches(wallet: Wallet): Promise<void> {
  let ends = (): void => {};
  const reached = new Promise<void>((resolve) => {
    setTimeout(resolve, REACH_MS);
    ends = wallet.onChange(({ balance }) => {
      if (balance.spendableMsat > 0n || balance.lightningMsat === 0n) resolve();
    });
  });
  return reached.finally(ends);
}
