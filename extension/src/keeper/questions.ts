/** Questions to the person: one at a time, in one window. A window that is closed, or never shows, is a no to what it asked. */

import type { Answer } from 'amplet/provider';
import type { Chores } from './keeper.ts';
import type { FromApprove, Shown, ToApprove } from '../lib/messages.ts';

/** Ms for the window to come up. */
const WINDOW_TIMEOUT = 60_000;

const NO: Answer = { allowed: false };

interface Waiting {
  id: number;
  question: Shown;
  answer: (answer: Answer) => void;
}

/** See the head of this file. */
export class Questions {
  readonly #chores: Chores;
  readonly #queue: Waiting[] = [];
  #port: chrome.runtime.Port | null = null;
  #last = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(chores: Chores) {
    this.#chores = chores;
  }

  /** Asks; the answer is no when `signal` fires. */
  ask(question: Shown, signal: AbortSignal): Promise<Answer> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve(NO);
      const id = ++this.#last;
      signal.addEventListener('abort', () => this.#settle(id, NO), { once: true });
      this.#queue.push({ id, question, answer: resolve });
      this.#show();
    });
  }

  /** The window came up. */
  attach(port: chrome.runtime.Port): void {
    clearTimeout(this.#timer);
    this.#port?.disconnect(); // it asks in one window, the last
    this.#port = port;
    port.onMessage.addListener(({ id, answer }: FromApprove) => this.#settle(id, answer));
    port.onDisconnect.addListener(() => {
      if (this.#port !== port) return;
      this.#port = null;
      const [shown] = this.#queue;
      if (shown !== undefined) this.#settle(shown.id, NO);
    });
    this.#show();
  }

  #settle(id: number, answer: Answer): void {
    const at = this.#queue.findIndex((waiting) => waiting.id === id);
    if (at < 0) return;
    const [settled] = this.#queue.splice(at, 1);
    settled?.answer(answer);
    this.#show();
  }

  #show(): void {
    const [first] = this.#queue;
    void this.#chores({ to: 'desk', ask: 'badge', text: first === undefined ? '' : String(this.#queue.length) });
    if (this.#port !== null) {
      const message: ToApprove =
        first === undefined ? { show: 'nothing' } : { show: 'question', id: first.id, question: first.question, waiting: this.#queue.length };
      this.#port.postMessage(message);
    } else if (first !== undefined) {
      void this.#chores({ to: 'desk', ask: 'prompt' });
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#settle(first.id, NO), WINDOW_TIMEOUT);
    }
  }
}
