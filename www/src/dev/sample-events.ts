/** Events that the pretended engine delivers when a test asks for them by name. */

import type { Payment, WalletEvent } from 'amplet';
import { id, now } from './samples.ts';

let told = 0n;

function event(name: string, history: readonly Payment[]): WalletEvent {
  const about: Record<string, object> = {
    received: { type: 'paymentReceived', payment: history.find(({ direction }) => direction === 'inbound') },
    channelPending: { type: 'channelPending', channelId: id(82) },
    channelReady: { type: 'channelReady', channelId: id(82) },
    budget: {
      type: 'budgetUsed',
      holder: 'the user',
      percent: 80,
      spentMsat: 2_503_000n,
      limitMsat: 3_000_000n,
      until: null,
    },
  };
  told += 1n;
  return { id: told, at: now(), ack: async () => undefined, ...about[name] } as WalletEvent;
}

/** Those that a test dispatches on the window as `fake-event`. */
export async function* events(history: () => readonly Payment[]): AsyncGenerator<WalletEvent, void, undefined> {
  const waiting: WalletEvent[] = [];
  let wake = (): void => undefined;
  addEventListener('fake-event', (dispatched) => {
    waiting.push(event((dispatched as CustomEvent<string>).detail, history()));
    wake();
  });
  for (;;) {
    const next = waiting.shift();
    if (next) yield next;
    else await new Promise<void>((resolve) => (wake = resolve));
  }
}
