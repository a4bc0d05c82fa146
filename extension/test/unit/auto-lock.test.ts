/** What is paid as time passes keeps the wallet unlocked for as long as somebody may be watching, and no longer. */

import type { Payment, Wallet } from 'amplet';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { AutoLock } from '../../src/wallet-host/auto-lock.ts';
import { MAX_WATCH_MS } from '../../src/lib/watching.ts';

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('addEventListener', () => {});
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('a stream that never ends does not keep the wallet unlocked for ever', async () => {
  let locked = false;
  let pay = (_: Partial<Payment>): void => {};
  const session = { lock: async () => (locked = true) };
  const lock = new AutoLock(session as never, async () => undefined);
  lock.watch({ onPayment: (listener: typeof pay) => (pay = listener) } as unknown as Wallet);
  const stream = setInterval(() => pay({ kind: 'stream', direction: 'outbound' }), 1_000);
  await vi.advanceTimersByTimeAsync(2_000);
  lock.user('idle');
  await vi.advanceTimersByTimeAsync(MAX_WATCH_MS - 60_000);
  expect(locked, 'a film').toBe(false);
  await vi.advanceTimersByTimeAsync(120_000);
  expect(locked).toBe(true);
  clearInterval(stream);
});
