/** Opening a wallet that may be there already, its events, and what its errors tell. */

import assert from 'node:assert/strict';
import { beforeEach, test, vi } from 'vitest';
import type { Event } from '../../src/base/protocol.ts';
import type { EngineHost } from '../../src/engine/host.ts';
import { type OpenOptions, Wallet, WalletError } from '../../src/index.ts';
import { Events } from '../../src/wallet/events.ts';
import { Origin, sleep } from './fakes.ts';

const page = { origin: new Origin(), hosts: [] as EngineHost[], derive: async () => {} };

vi.mock('#platform', async () => (await import('./fake-platform.ts')).fakePlatform(() => page));

const OPTIONS: OpenOptions = { name: 'main', network: 'regtest', gateways: [], passphrase: 'p', create: 'ifMissing' };
const WORDS = 'abandon ability able';

beforeEach(() => {
  Object.assign(page, { origin: new Origin(), hosts: [] });
});

test('a wallet is created where there is none, and opened where there is one', async () => {
  const first = await Wallet.open(OPTIONS);
  assert.equal(first.takeMnemonic(), WORDS);
  await first.close();
  const second = await Wallet.open(OPTIONS);
  assert.equal(second.takeMnemonic(), null);
  await second.lock();
});

test('mounted twice at once, as React does: both have it, and the words come once, whoever is left', async () => {
  const [first, second] = await Promise.all([Wallet.open(OPTIONS), Wallet.open(OPTIONS)]);
  await first.close();
  assert.equal(second.takeMnemonic(), WORDS);
  assert.equal(second.takeMnemonic(), null);
  assert.equal((await second.balance()).spendableMsat, 7n);
  await second.lock();
});

test('words that nobody took are forgotten with a lock, and never said of another wallet', async () => {
  await (await Wallet.open(OPTIONS)).lock();
  assert.equal((await Wallet.open(OPTIONS)).takeMnemonic(), null);
  await Wallet.destroy('main', { takeOver: true });
  const made = await Wallet.open(OPTIONS);
  await made.close();
  // Another tab has made one of the same name since.
  const { words } = page.origin;
  page.origin.words = 'zoo zoo zoo';
  assert.equal((await Wallet.open(OPTIONS)).takeMnemonic(), null);
  page.origin.words = words;
});

test('what open does not know is refused by name, also where it takes none', async () => {
  for (const [given, message] of [
    [{ ...OPTIONS, creat: true }, /`open` knows no `creat`.*`create` meant/],
    [undefined, /by name/],
    [{ ...OPTIONS, create: 'always' }, /`create` is true, false or 'ifMissing'/],
    [{ ...OPTIONS, mnemonic: 'a' }, /not both/],
  ] as const)
    await assert.rejects(
      Wallet.open(given as OpenOptions),
      (error: WalletError) => error.code === 'invalidInput' && message.test(error.message),
    );
});

test('a wallet that is open is not deleted by its name alone', async () => {
  const wallet = await Wallet.open(OPTIONS);
  await assert.rejects(Wallet.destroy('main'), { code: 'inUse' });
  await assert.rejects(Wallet.destroy('main', { evenIfOpen: true } as object), /knows no `evenIfOpen`/);
  assert.equal((await wallet.balance()).spendableMsat, 7n);
  await Wallet.destroy('main', { takeOver: true });
  assert.equal((await wallet.ended).code, 'closed');
});

test('an error has its causes as errors, and the place of the call', async () => {
  const wallet = await Wallet.open(OPTIONS);
  const askHere = (): Promise<unknown> => wallet.payment('none');
  const error = await askHere().catch((thrown: WalletError) => thrown);
  assert.ok(error instanceof WalletError);
  assert.match(error.stack ?? '', /^WalletError: no payment none\n[^]*askHere/);
  const { cause } = new WalletError('internal', 'm', ['outer', 'inner']);
  assert.ok(cause instanceof Error && cause.cause instanceof Error);
  assert.deepEqual([cause.message, cause.cause.message], ['outer', 'inner']);
  await wallet.close();
});

const event = (id: bigint): Event => ({ id, at: 0n, type: 'paymentReceived' }) as Event;

test('events end with their signal, with `return` and with `break`, also while they wait', async () => {
  const events = new Events(async () => {});
  const stop = new AbortController();
  const heard: bigint[] = [];
  const all = (async () => {
    for await (const { id } of events.iterate(stop.signal)) heard.push(id);
  })();
  events.push(event(1n));
  await sleep(1);
  stop.abort();
  await all;
  events.push(event(2n));
  assert.deepEqual(heard, [1n]);
  const waiting = events.iterate();
  await waiting.next();
  await waiting.next();
  const third = waiting.next();
  assert.deepEqual(await waiting.return(), { done: true, value: undefined });
  assert.deepEqual(await third, { done: true, value: undefined });
  for await (const { id } of events.iterate()) if (id === 2n) break;
  assert.deepEqual(await events.iterate(AbortSignal.abort()).next(), { done: true, value: undefined });
});
