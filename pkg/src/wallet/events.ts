// Durable events: kept until acknowledged, given to every iterator from the oldest on.

import type { WalletError } from '../base/error.ts';
import type { Event } from '../base/protocol.ts';

/** Something that happened to money, delivered at least once: act on it, then acknowledge it. */
export type WalletEvent = Event & {
  /**
   * Tells the wallet that this event was acted upon and need not come again.
   * @throws {WalletError} `closed`, `walletCrashed`, `storage`: it comes again, in this session or the next
   */
  ack(): Promise<void>;
};

/** Events that nobody acknowledged, and who waits for them. */
export class Events {
  readonly #acknowledge: (id: bigint) => Promise<void>;
  readonly #waiting = new Map<bigint, WalletEvent>();
  readonly #wakers = new Set<() => void>();
  #ended: WalletError | null = null;

  constructor(acknowledge: (id: bigint) => Promise<void>) {
    this.#acknowledge = acknowledge;
  }

  /** An event came, perhaps again. */
  push(event: Event): void {
    if (this.#waiting.has(event.id)) return;
    const ack = async () => {
      await this.#acknowledge(event.id);
      this.#waiting.delete(event.id);
    };
    this.#waiting.set(event.id, Object.assign(event, { ack }));
    this.#wake();
  }

  /** No more will come. With `closed` the iterators return, with any other error they throw it. */
  end(error: WalletError): void {
    this.#ended ??= error;
    this.#wake();
  }

  /**
   * All events that nobody acknowledged, oldest first, then those to come; ends when `signal` is aborted. `return()` ends it at once,
   * also while it waits for the next.
   */
  iterate(signal?: AbortSignal): AsyncGenerator<WalletEvent, void, undefined> {
    const stopped = new AbortController();
    const stop = (): void => stopped.abort();
    if (signal?.aborted) stop();
    signal?.addEventListener('abort', stop, { once: true, signal: stopped.signal });
    const events = this.#iterate(stopped.signal);
    // A generator's own `return` waits for the `next` that was asked for before.
    const end = events.return.bind(events);
    events.return = (value) => {
      stop();
      return end(value);
    };
    return events;
  }

  async *#iterate(stopped: AbortSignal): AsyncGenerator<WalletEvent, void, undefined> {
    for (let last = -1n; !stopped.aborted;) {
      const next = this.#after(last);
      if (next !== undefined) {
        last = next.id;
        yield next;
      } else if (this.#ended !== null) {
        if (this.#ended.code === 'closed') return;
        throw this.#ended;
      } else {
        await this.#wait(stopped);
      }
    }
  }

  /** Until something happened, or `stopped` is aborted. */
  async #wait(stopped: AbortSignal): Promise<void> {
    let wake = (): void => {};
    const woken = new Promise<void>((resolve) => (wake = resolve));
    this.#wakers.add(wake);
    stopped.addEventListener('abort', wake, { once: true });
    await woken;
    stopped.removeEventListener('abort', wake);
    this.#wakers.delete(wake);
  }

  #after(id: bigint): WalletEvent | undefined {
    return [...this.#waiting.values()].reduce<WalletEvent | undefined>(
      (least, event) => (event.id > id && (least === undefined || event.id < least.id) ? event : least),
      undefined,
    );
  }

  #wake(): void {
    const wakers = [...this.#wakers];
    this.#wakers.clear();
    for (const wake of wakers) wake();
  }
}
