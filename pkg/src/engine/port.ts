// One page as its host sees it.

import { toData } from '../base/error.ts';
import type { Notice, RestoreProgress, WalletError as ErrorData } from '../base/protocol.ts';
import type { Call, ToPage } from '../link/wire.ts';

/** The part of a MessagePort in use. */
export interface Channel {
  postMessage(message: unknown): void;
  close(): void;
  onmessage: ((event: MessageEvent) => void) | null;
}

/** Calls that one page may have open at a time; a page that is well has a handful. */
const MAX_CALLS = 256;

/** What a call reports before its answer. */
export interface Report {
  /** Id of the payment that it begins. */
  begun: (paymentId: string) => void;
  /** How much of a backup was read. */
  progress: (progress: RestoreProgress) => void;
}

/** A connected page. */
export class Port {
  /** The subscription to the open wallet's notices; `null` before the page proved the passphrase. */
  subscription: number | null = null;

  readonly #channel: Channel;
  readonly #gone = new AbortController();
  #calls = 0;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** Aborts when the page has left or died. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** Tells the page something; a page that has gone hears nothing. */
  send(message: ToPage): void {
    if (!this.gone.aborted) this.#channel.postMessage(message);
  }

  /** Passes a notice on. */
  notify(notice: Notice): void {
    this.send({ kind: 'notice', notice });
  }

  /** Answers a call with what `work` gives; `work` reports what comes before. */
  async answer(id: number, call: Call, work: (call: Call, report: Report) => Promise<unknown>): Promise<void> {
    if (this.#calls >= MAX_CALLS) {
      this.#refuse(id, {
        code: 'busy',
        message: `More than ${MAX_CALLS} requests are under way: wait for some of them.`,
        causes: [],
      });
      return;
    }
    this.#calls += 1;
    try {
      const value = await work(call, {
        begun: (paymentId) => this.send({ kind: 'begun', id, paymentId }),
        progress: (progress) => this.send({ kind: 'progress', id, progress }),
      });
      this.send({ kind: 'ok', id, value });
    } catch (error) {
      this.#refuse(id, toData(error));
    } finally {
      this.#calls -= 1;
    }
  }

  /** Lets the page go. */
  drop(): void {
    this.#gone.abort();
    this.#channel.onmessage = null;
    this.#channel.close();
  }

  #refuse(id: number, error: ErrorData): void {
    this.send({ kind: 'err', id, error });
  }
}
