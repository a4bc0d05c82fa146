/** Questions to the user: one at a time, in one window. A window that is closed, or never shows, is a no to what it asked. */

import type { Decision } from 'amplet/provider';
import type { Badge } from './badge.ts';
import type { RunTask } from './wallet-host.ts';
import type { FromApprove, Shown, ToApprove } from '../lib/messages.ts';

/** Ms for the window to come up. */
const WINDOW_TIMEOUT = 60_000;
/** Ms for which the window stays when nothing is left to ask: the next question is often not far. */
const LINGER = 100;

const NO: Said = { decision: { allowed: false }, stop: false };

/** What the user said; `stop`: a no that holds until the site's budget allows something again. */
export interface Said {
  decision: Decision;
  stop: boolean;
}

interface Waiting {
  id: number;
  request: Shown;
  say: (said: Said) => void;
}

/** See the head of this file. */
export class PromptQueue {
  readonly #runTask: RunTask;
  readonly #badge: Badge;
  readonly #queue: Waiting[] = [];
  #port: chrome.runtime.Port | null = null;
  #last = 0;
  /** Runs while a window is coming up. */
  #coming: ReturnType<typeof setTimeout> | undefined;
  #leaving: ReturnType<typeof setTimeout> | undefined;

  constructor(runTask: RunTask, badge: Badge) {
    this.#runTask = runTask;
    this.#badge = badge;
  }

  /** True if the user is being asked. */
  get waiting(): boolean {
    return this.#queue.length > 0;
  }

  /** Asks; the answer is no when `signal` fires. */
  ask(request: Shown, signal: AbortSignal): Promise<Said> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve(NO);
      const id = ++this.#last;
      signal.addEventListener('abort', () => this.#settle(id, NO), { once: true });
      this.#queue.push({ id, request, say: resolve });
      this.#show();
    });
  }

  /** The window came up. */
  attach(port: chrome.runtime.Port): void {
    this.#arrived();
    this.#dismiss(); // it asks in one window, the last
    this.#port = port;
    port.onMessage.addListener(({ id, decision, stop = false }: FromApprove) => this.#settle(id, { decision, stop }));
    port.onDisconnect.addListener(() => {
      if (this.#port !== port) return;
      this.#port = null;
      const [shown] = this.#queue;
      if (shown !== undefined) this.#settle(shown.id, NO);
    });
    this.#show();
  }

  #settle(id: number, said: Said): void {
    const at = this.#queue.findIndex((waiting) => waiting.id === id);
    if (at < 0) return;
    const [settled] = this.#queue.splice(at, 1);
    settled?.say(said);
    this.#show();
  }

  #show(): void {
    const [first] = this.#queue;
    this.#badge.prompts(this.#queue.length);
    clearTimeout(this.#leaving);
    if (first === undefined) this.#leaving = setTimeout(() => this.#dismiss(), LINGER);
    else if (this.#port === null) this.#bring(first.id);
    else
      this.#port.postMessage({ id: first.id, request: first.request, waiting: this.#queue.length } satisfies ToApprove);
  }

  /** Asks for a window, unless one is coming up. */
  #bring(id: number): void {
    if (this.#coming !== undefined) return;
    this.#coming = setTimeout(() => {
      this.#arrived();
      this.#settle(id, NO);
    }, WINDOW_TIMEOUT);
    void this.#runTask({ to: 'browser', ask: 'prompt' });
  }

  #arrived(): void {
    clearTimeout(this.#coming);
    this.#coming = undefined;
  }

  /** The window closes itself when its port does. */
  #dismiss(): void {
    const port = this.#port;
    this.#port = null;
    port?.disconnect();
  }
}
