import assert from 'node:assert/strict';
import { beforeEach, test, vi } from 'vitest';
import { type Payment, type Request } from '../../src/base/protocol.ts';
import type { EngineHost } from '../../src/engine/host.ts';
import { type OpenOptions, Wallet, WalletError } from '../../src/index.ts';
import { walletLock } from '../../src/link/names.ts';
import { Requests } from '../../src/wallet/requests.ts';
import { Origin, sleep } from './fakes.ts';

/** A page without a browser: the engine's host of {@link Origin}, and a key derivation that waits for the test. */
const page = { origin: new Origin(), hosts: [] as EngineHost[], derive: async () => {} };

vi.mock('#platform', async () => (await import('./fake-platform.ts')).fakePlatform(() => page));

const OPTIONS: OpenOptions = { name: 'main', network: 'regtest', gateways: [], passphrase: 'p' };
const REASON = new Error('the user went away');
const INVOICE = 'lnbcrt1a';
const HASH = 'ab'.repeat(32);

/** A promise, and what ends it. */
function gate(): { promise: Promise<void>; open: () => void } {
  let open = (): void => {};
  const promise = new Promise<void>((resolve) => (open = resolve));
  return { promise, open };
}

async function settle<T>(promise: Promise<T>): Promise<T | unknown> {
  return promise.catch((error: unknown) => error);
}

beforeEach(async () => {
  Object.assign(page, { origin: new Origin(), hosts: [], derive: async () => {} });
});

test('opening that is aborted before it begins starts nothing', async () => {
  assert.equal(await settle(Wallet.open({ ...OPTIONS, create: true, signal: AbortSignal.abort(REASON) })), REASON);
  assert.deepEqual(page.hosts, []);
});

test('opening that is aborted without a reason rejects with an AbortError', async () => {
  await assert.rejects(Wallet.open({ ...OPTIONS, create: true, signal: AbortSignal.abort() }), { name: 'AbortError' });
});

test('opening that is aborted while the key is derived makes no wallet', async () => {
  const { promise, open } = gate();
  page.derive = () => promise;
  const stop = new AbortController();
  const opening = settle(Wallet.open({ ...OPTIONS, create: true, signal: stop.signal }));
  await sleep(20);
  stop.abort(REASON);
  assert.equal(await opening, REASON, 'it does not wait for the key');
  open();
  await sleep(20);
  assert.deepEqual([page.origin.stored.size, page.origin.engines.length], [0, 0]);
});

test('opening that is aborted while the engine opens is undone, and the wallet can be opened again', async () => {
  await (await Wallet.open({ ...OPTIONS, create: true })).close();
  await sleep(20);
  const { promise, open } = gate();
  page.origin.gate = promise;
  const stop = new AbortController();
  const opening = settle(Wallet.open({ ...OPTIONS, signal: stop.signal }));
  await sleep(20);
  stop.abort(REASON);
  assert.equal(await opening, REASON, 'it does not wait for the engine');
  open();
  await sleep(20);
  assert.equal(page.origin.engines.length, 2);
  assert.equal(page.origin.engines[1]?.closed, true, 'what was begun is closed');
  const lock = await page.origin.locks.acquire(walletLock('main'), { timeout: 0 });
  assert.ok(lock, 'and the wallet is free');
  lock.release();
  const wallet = await Wallet.open(OPTIONS);
  assert.equal((await wallet.balance()).spendableMsat, 7n);
  await wallet.close();
});

test('a wallet that is open stays open when the signal is aborted afterwards', async () => {
  const stop = new AbortController();
  const wallet = await Wallet.open({ ...OPTIONS, create: true, signal: stop.signal });
  stop.abort(REASON);
  await sleep(20);
  assert.equal((await wallet.balance()).spendableMsat, 7n);
  assert.equal(page.origin.engines[0]?.closed, false);
  await wallet.close();
});

test('a failure to open is told as it is, with a signal as without', async () => {
  const { signal } = new AbortController();
  await assert.rejects(Wallet.open({ ...OPTIONS, signal }), { code: 'walletNotFound' });
});

test('await using closes the wallet at the end of the block, and closing twice is no error', async () => {
  let ended: Promise<WalletError>;
  {
    await using wallet = await Wallet.open({ ...OPTIONS, create: true });
    ended = wallet.ended;
    assert.equal((await wallet.balance()).spendableMsat, 7n);
  }
  assert.equal((await ended).code, 'closed');
  await sleep(20);
  assert.equal(page.origin.engines[0]?.closed, true);
  const wallet = await Wallet.open(OPTIONS);
  await wallet.close();
  await wallet[Symbol.asyncDispose]();
});

/** A wallet whose payment waits for the test. */
class Paying extends Requests {
  readonly asked: string[] = [];
  readonly controller = new AbortController();
  finish: (payment: Payment) => void = () => {};
  fail: (error: WalletError) => void = () => {};

  constructor(inspect: () => Promise<unknown> = async () => ({ type: 'bolt11', paymentHash: HASH })) {
    super(async (request: Request) => {
      this.asked.push(request.method);
      if (request.method !== 'pay') return inspect();
      return new Promise((resolve, reject) => Object.assign(this, { finish: resolve, fail: reject }));
    });
  }

  abortable(): Promise<Payment> {
    return this.pay(INVOICE, { signal: this.controller.signal });
  }
}

test('a payment that is aborted before it is asked for is never sent', async () => {
  const wallet = new Paying();
  wallet.controller.abort(REASON);
  assert.equal(await settle(wallet.abortable()), REASON);
  assert.deepEqual(wallet.asked, []);
});

test('a payment that is aborted under way is pending, and is found in the history', async () => {
  const wallet = new Paying();
  const paying = settle(wallet.abortable());
  wallet.controller.abort(REASON);
  const error = await paying;
  assert.ok(error instanceof WalletError);
  assert.deepEqual([error.code, error.outcome], ['timeout', 'open']);
  assert.equal(error.paymentId, HASH);
  assert.match(error.message, /may still succeed/);
  assert.deepEqual(error.causes, ['Error: the user went away']);
  assert.deepEqual(wallet.asked, ['pay', 'inspect'], 'the engine is not asked to stop it');
});

test('a payment whose outcome comes first is told as it is, aborted or not', async () => {
  const inspecting = gate();
  const inspect = async () => inspecting.promise.then(() => ({ type: 'bolt11', paymentHash: HASH }));
  const paid = new Paying(inspect);
  const paying = paid.abortable();
  paid.controller.abort(REASON);
  paid.finish({ id: HASH, state: 'succeeded' } as Payment);
  assert.equal((await paying).state, 'succeeded');
  const refused = new Paying(inspect);
  const refusing = settle(refused.abortable());
  refused.controller.abort(REASON);
  const noRoute = new WalletError('noRoute', 'no funds were sent');
  refused.fail(noRoute);
  assert.equal(await refusing, noRoute);
  inspecting.open();
});

test('a payment that is aborted while the wallet cannot say its id is pending all the same', async () => {
  const wallet = new Paying(async () => Promise.reject(new WalletError('internal', 'a defect')));
  const paying = settle(wallet.abortable());
  wallet.controller.abort(REASON);
  const error = await paying;
  assert.ok(error instanceof WalletError && error.code === 'timeout' && error.paymentId === undefined);
});

test('a payment that is paid before the abort is paid', async () => {
  const wallet = new Paying();
  const paying = wallet.abortable();
  wallet.finish({ id: HASH, state: 'succeeded' } as Payment);
  assert.equal((await paying).id, HASH);
  wallet.controller.abort(REASON);
  await sleep(5);
  assert.deepEqual(wallet.asked, ['pay']);
});
