/** A wallet that another device has is not taken back before the user says so; one that crashed is opened again. */

import { Wallet, WalletError } from 'amplet';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { WalletSession } from '../../src/wallet-host/wallet-session.ts';

vi.mock('amplet-ui/app/setup.ts', () => ({
  loadSetup: async () => ({
    config: { walletName: 'regtest' },
    settings: { network: 'regtest', gateways: [], chainSources: [] },
  }),
}));

/** How each opening ends: with this error, or with a wallet that the test ends. */
let openings: (WalletError | null)[];
let opened: number;
let end: (error: WalletError) => void;

const moved = (): WalletError => new WalletError('movedToAnotherDevice', 'A test.');

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  openings = [];
  opened = 0;
  vi.spyOn(Wallet, 'open').mockImplementation(async () => {
    opened += 1;
    const error = openings.shift() ?? null;
    if (error !== null) throw error;
    return { ended: new Promise((resolve) => (end = resolve)), onChange: () => () => undefined } as never;
  });
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const start = async (): Promise<WalletSession> => {
  const session = new WalletSession(async ({ ask }) => (ask === 'key' ? new Uint8Array(32) : undefined), {
    prepare: async () => undefined,
    opened: () => undefined,
  });
  await session.open();
  return session;
};

test('one that another device takes stays there, whatever asks for it, until a window has moved it here', async () => {
  const session = await start();
  expect(session.wallet).not.toBeNull();
  end(moved());
  await vi.advanceTimersByTimeAsync(600_000);
  expect(await session.open()).toBeNull();
  expect([session.moved, session.unlocked, opened]).toEqual([true, false, 1]);
  await session.openAgain();
  expect([session.moved, session.wallet !== null, opened]).toEqual([false, true, 2]);
});

test('one that another device has at the start is not asked for again', async () => {
  openings = [moved()];
  const session = await start();
  await vi.advanceTimersByTimeAsync(600_000);
  expect([session.moved, opened]).toEqual([true, 1]);
});

test('one whose engine crashed is opened again', async () => {
  const session = await start();
  end(new WalletError('walletCrashed', 'A test.'));
  await vi.advanceTimersByTimeAsync(1_000);
  expect([session.moved, session.wallet !== null, opened]).toEqual([false, true, 2]);
});
