/** Locks the wallet when the user is gone: after the time that they chose, and with the screen. */

import { loadSettings, type Wallet } from 'amplet';
import { language } from 'amplet-ui/text/i18n.svelte.ts';
import { DEFAULTS } from 'amplet-ui/app/setup.ts';
import { MAX_WATCH_MS } from '../lib/watching.ts';
import type { RunTask } from './wallet-host.ts';
import type { WalletSession } from './wallet-session.ts';
import type { ToWalletHost } from '../lib/messages.ts';

type State = (ToWalletHost & { ask: 'user' })['state'];

/** Ms until it is tried again, while something is under way. */
const AGAIN_MS = 5_000;
/** Ms after a stream's last payment for which somebody counts as watching: nobody touches anything during a film. */
const WATCHES_MS = 60_000;

/** See the head of this file. */
export class AutoLock {
  readonly #session: WalletSession;
  readonly #runTask: RunTask;
  #minutes = DEFAULTS.autoLockMinutes;
  #state: State = 'active';
  #streamed = -Infinity;
  /** When the user was last there; ms since the UNIX epoch. */
  #there = Date.now();
  #again: ReturnType<typeof setTimeout> | undefined;

  constructor(session: WalletSession, runTask: RunTask) {
    this.#session = session;
    this.#runTask = runTask;
    // Another document of the extension changed the settings.
    addEventListener('storage', () => void this.follow());
  }

  /** Takes what the user chose, in the settings, for as long as it stays so: when to lock, and the language of notices. */
  async follow(): Promise<void> {
    const { settings } = await loadSettings();
    language.choose(settings?.language ?? null);
    this.#minutes = settings?.autoLockMinutes ?? DEFAULTS.autoLockMinutes;
    if (this.#minutes > 0) await this.#runTask({ to: 'browser', ask: 'idleAfter', minutes: this.#minutes });
  }

  /** Looks at what an open wallet pays. */
  watch(wallet: Wallet): void {
    wallet.onPayment(({ kind, direction }) => {
      if (kind === 'stream' && direction === 'outbound') this.#streamed = Date.now();
    });
  }

  /** The browser's word. */
  user(state: State): void {
    if (state === 'active' || this.#state === 'active') this.#there = Date.now();
    this.#state = state;
    void this.#lock();
  }

  async #lock(): Promise<void> {
    clearTimeout(this.#again);
    if (this.#state === 'active' || this.#minutes === 0) return;
    // With the screen the wallet is locked as soon as the step is done, otherwise when nothing goes on at all.
    const wait = this.#state === 'locked';
    const now = Date.now();
    // A stream of a millisatoshi a second would keep it open for days.
    const watches = !wait && now - this.#streamed < WATCHES_MS && now - this.#there < MAX_WATCH_MS;
    if (watches || !(await this.#session.lock({ wait }))) this.#again = setTimeout(() => void this.#lock(), AGAIN_MS);
  }
}
