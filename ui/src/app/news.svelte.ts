/** News for the user: what happened to money, until it is seen. What the screen in front says itself is no news. */

import type { WalletEvent } from 'amplet';
import { untrack } from 'svelte';

/** News that is shown at a time. */
const MOST = 3;
/** The subject of deposits, for the screen that waits for any of them. */
export const DEPOSITS = 'deposits';

/** Names what an event is about: of one subject only the latest counts. */
export function subjectsOf(event: WalletEvent): string[] {
  switch (event.type) {
    case 'depositSeen':
      return [event.payment.id, DEPOSITS];
    case 'paymentReceived':
    case 'paymentSent':
    case 'paymentFailed':
    case 'depositConfirmed':
      return [event.payment.id];
    case 'channelPending':
    case 'channelReady':
    case 'channelClosed':
      return [event.channelId];
    case 'budgetUsed':
      return [`budget ${event.holder}`];
    case 'budgetLow':
      return [`budget ${event.parent}`];
  }
}

/** The news after `event`, when the screen shows the subjects in `shown` itself. */
export function withEvent(
  news: readonly WalletEvent[],
  event: WalletEvent,
  shown: Iterable<string>,
): readonly WalletEvent[] {
  const [subject] = subjectsOf(event);
  const others = news.filter((earlier) => subjectsOf(earlier)[0] !== subject);
  const said = new Set(shown);
  return subjectsOf(event).some((one) => said.has(one)) ? others : [...others, event].slice(-MOST);
}

/** The page's news. */
export class News {
  /** What is shown now, the latest last. */
  shown = $state.raw<readonly WalletEvent[]>([]);
  /** Subjects that screens show now, each as often as it is shown. */
  readonly #onScreen: string[] = [];
  readonly #arrivals = new Set<() => void>();

  add(event: WalletEvent): void {
    if (event.type === 'paymentReceived' || event.type === 'depositSeen') for (const tell of this.#arrivals) tell();
    this.shown = withEvent(this.shown, event, this.#onScreen);
  }

  /** `tell` is called whenever money comes in; returns how to end that. */
  onArrival(tell: () => void): () => void {
    this.#arrivals.add(tell);
    return () => this.#arrivals.delete(tell);
  }

  dismiss(id: bigint): void {
    this.shown = this.shown.filter((event) => event.id !== id);
  }

  clear(): void {
    this.shown = [];
  }

  /** A screen shows this subject itself from now on; returns how to end that. For an effect. */
  onScreen(subject: string): () => void {
    this.#onScreen.push(subject);
    untrack(() => {
      const rest = this.shown.filter((event) => !subjectsOf(event).includes(subject));
      if (rest.length < this.shown.length) this.shown = rest;
    });
    return () => {
      this.#onScreen.splice(this.#onScreen.indexOf(subject), 1);
    };
  }
}
