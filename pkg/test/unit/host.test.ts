import assert from 'node:assert/strict';
import { test } from 'vitest';
import { FakePage, Origin, sleep } from './fakes.ts';
import type { Notice } from '../../src/base/protocol.ts';

const balance = { method: 'request', request: { method: 'balance' } };

async function opened(): Promise<{ origin: Origin; host: Awaited<ReturnType<Origin['host']>>; page: FakePage }> {
  const origin = new Origin();
  const host = await origin.host();
  const page = await FakePage.join(origin, host);
  await page.open(1, { create: true });
  return { origin, host, page };
}

test('a wallet is created, asked, and closed by the last page', async () => {
  const { origin, page } = await opened();
  assert.deepEqual(await page.call(balance), { spendableMsat: 7n });
  page.say({ kind: 'bye' });
  await sleep(5);
  assert.equal(origin.engines[0]?.closed, true);
  assert.deepEqual(origin.exited, [], 'a shared worker stays for the next page');
});

test('nothing is answered before the passphrase is proven', async () => {
  const { origin, host } = await opened();
  const other = await FakePage.join(origin, host);
  await assert.rejects(other.call(balance), { code: 'closed' });
  await assert.rejects(other.open(2), { code: 'wrongPassphrase' });
  await assert.rejects(other.call(balance), { code: 'closed' });
  assert.equal(origin.engines.length, 1);
});

test('a second page joins and hears the notices; the first may go', async () => {
  const { origin, host, page } = await opened();
  const second = await FakePage.join(origin, host);
  assert.deepEqual(await second.open(1), { opened: true });
  for (const listener of origin.engines[0]?.listeners.values() ?? []) listener({ notice: 'paymentChanged' } as never);
  assert.ok(page.kinds().includes('notice') && second.kinds().includes('notice'));
  page.die();
  await sleep(5);
  assert.equal(origin.engines[0]?.closed, false);
  assert.deepEqual(await second.call(balance), { spendableMsat: 7n });
  assert.equal(origin.engines[0]?.listeners.size, 1);
  second.die();
  await sleep(5);
  assert.equal(origin.engines[0]?.closed, true);
});

test('a second page of another network, or that would create, is refused', async () => {
  const { origin, host } = await opened();
  const second = await FakePage.join(origin, host);
  await assert.rejects(second.open(1, { network: 'signet' }), { code: 'wrongNetwork' });
  await assert.rejects(second.open(1, { create: true }), { code: 'walletExists' });
  await assert.rejects(second.open(1, { name: 'other' }), { code: 'invalidInput' });
});

test('opening again after the last page left takes a fresh engine', async () => {
  const { origin, host, page } = await opened();
  page.say({ kind: 'bye' });
  const next = await FakePage.join(origin, host);
  assert.deepEqual(await next.open(1), { opened: true });
  assert.equal(origin.engines.length, 2);
  assert.equal(origin.engines[0]?.closed, true);
});

test('lock ends the wallet for every page, after the answer', async () => {
  const { origin, host, page } = await opened();
  const second = await FakePage.join(origin, host);
  await second.open(1);
  await page.call({ method: 'request', request: { method: 'close' } });
  await sleep(5);
  for (const each of [page, second]) assert.equal(each.ended()?.error.code, 'closed');
  assert.equal(origin.engines[0]?.closed, true);
  assert.ok(page.kinds().lastIndexOf('ok') < page.kinds().indexOf('ended'));
});

test('a crash tells every page, with the log, and ends the worker', async () => {
  const { origin, page } = await opened();
  const pending = page.call({ method: 'request', request: { method: 'newAddress' } });
  pending.catch(() => undefined); // looked at below
  origin.log('INFO the last thing');
  origin.crash();
  await sleep(5);
  const ended = page.ended();
  assert.equal(ended?.error.code, 'walletCrashed');
  assert.match(ended?.log.join('\n') ?? '', /the last thing[^]*the engine stopped/);
  assert.equal(ended?.next, 1);
  await sleep(80);
  assert.deepEqual(origin.exited, ['0.1.0/0']);
  const fresh = await FakePage.join(origin, await origin.host({ generation: 1 }));
  await fresh.open(1);
  assert.deepEqual(await fresh.call(balance), { spendableMsat: 7n });
  await assert.rejects(pending, /no answer/);
});

test('a trap in a call is not answered but ends the wallet, and says where it was', async () => {
  const { origin, page } = await opened();
  const engine = origin.engines[0];
  assert.ok(engine);
  engine.request = async () => {
    origin.crash();
    throw new WebAssembly.RuntimeError('unreachable');
  };
  await assert.rejects(page.call(balance), /no answer/);
  assert.equal(page.ended()?.error.code, 'walletCrashed');
  assert.match(page.ended()?.error.causes.join() ?? '', /RuntimeError: unreachable/);
  assert.ok(!page.kinds().includes('err'));
});

test('the log of a crashed engine is in the diagnostics of the next', async () => {
  const { origin, host, page } = await opened();
  page.say({ kind: 'bye' });
  const next = await FakePage.join(origin, host);
  const options = { name: 'main', network: 'regtest', gateways: [], chainSources: [], fresh: false };
  await next.call({
    method: 'open',
    options,
    key: new Uint8Array(32).fill(1),
    source: null,
    takeOver: false,
    log: ['before the crash'],
  });
  const text = await next.call({ method: 'request', request: { method: 'diagnostics' } });
  assert.match(String(text), /^fine[^]*before the crash[^]*fresh engine/);
});

test('a fenced engine ends', async () => {
  const { origin, page } = await opened();
  const engine = origin.engines[0];
  assert.ok(engine);
  engine.closed = true;
  await assert.rejects(page.call(balance), { code: 'fenced' });
  assert.equal(page.ended()?.error.code, 'fenced');
});

test('an engine that stops by itself says why', async () => {
  const said: [Notice | null, string][] = [
    [{ notice: 'stopped', error: { code: 'storage', message: 'gone', causes: [] } }, 'storage'],
    [null, 'closed'],
  ];
  for (const [notice, code] of said) {
    const { origin, page } = await opened();
    for (const listener of origin.engines[0]?.listeners.values() ?? []) listener(notice);
    assert.equal(page.ended()?.error.code, code);
  }
});

test('the passphrase changes only with the present one', async () => {
  const { origin, host, page } = await opened();
  const [source, key] = [new Uint8Array([2]), new Uint8Array(32).fill(9)];
  const from = (proof: number) => ({ method: 'putKey', proof: new Uint8Array(32).fill(proof), source, key });
  await assert.rejects(page.call(from(5)), { code: 'wrongPassphrase' });
  await page.call(from(1));
  const second = await FakePage.join(origin, host);
  await assert.rejects(second.open(1), { code: 'wrongPassphrase' });
  await second.open(9);
});

test('a key is removed only with one that opens the wallet', async () => {
  const { page } = await opened();
  const remove = (proof: number) => ({
    method: 'removeKey',
    proof: new Uint8Array(32).fill(proof),
    source: new Uint8Array([1]),
  });
  await assert.rejects(page.call(remove(5)), { code: 'wrongPassphrase' });
  await assert.rejects(page.call(remove(1)), { code: 'invalidInput' });
});

test('the words are said for the passphrase only', async () => {
  const { origin, host, page } = await opened();
  const words = (key: number) => ({ method: 'words', key: new Uint8Array(32).fill(key) });
  assert.equal(await page.call(words(1)), 'abandon ability able');
  await assert.rejects(page.call(words(5)), { code: 'wrongPassphrase' });
  const another = await FakePage.join(origin, host);
  assert.equal(await another.call(words(1)), 'abandon ability able');
  await assert.rejects(another.call(words(5)), { code: 'wrongPassphrase' });
});

test('the words of a wallet that is not open, or cannot be opened, are said for the passphrase only', async () => {
  const { origin, host, page } = await opened();
  const words = (key: number) => ({ method: 'words', key: new Uint8Array(32).fill(key) });
  await page.call({ method: 'request', request: { method: 'close' } });
  const later = await FakePage.join(origin, host);
  assert.equal(await later.call(words(1)), 'abandon ability able');
  await assert.rejects(later.call(words(5)), { code: 'wrongPassphrase' });
  assert.equal(origin.engines.length, 1, 'no engine is opened for it');
});

test('destroying closes the wallet everywhere and forgets it', async () => {
  const { origin, host, page } = await opened();
  const other = await FakePage.join(origin, host);
  await assert.rejects(other.call({ method: 'destroy', takeOver: false }), { code: 'inUse' });
  await other.call({ method: 'destroy', takeOver: true });
  assert.equal(page.ended()?.error.code, 'closed');
  assert.equal(origin.stored.size, 0);
  assert.equal(await other.call({ method: 'keySources' }), null);
});

test('wrong messages are refused by name', async () => {
  const { page } = await opened();
  const nested = Array.from({ length: 100 }).reduce<unknown>((inner) => [inner], 1);
  for (const bad of [null, 7, {}, { kind: 'hello', version: '1' }, { kind: 'call', id: -1, call: balance }]) {
    const before = page.heard.length;
    page.say(bad);
    assert.equal(page.heard[before]?.kind, 'refused', JSON.stringify(bad));
  }
  for (const call of [
    { method: 'steal' },
    { method: 'request', request: { method: 'inspect', text: nested } },
    { method: 'open' },
  ]) {
    const before = page.heard.length;
    page.say({ kind: 'call', id: 99, call });
    assert.equal(page.heard[before]?.kind, 'refused', JSON.stringify(call));
  }
  await assert.rejects(page.call({ method: 'request', request: { method: 'payment', id: 'x' } }), {
    code: 'invalidInput',
    message: 'no payment x',
  });
});

test('a page that floods is told to wait', async () => {
  const { page } = await opened();
  const calls = Array.from({ length: 300 }, () => page.call({ method: 'request', request: { method: 'newAddress' } }));
  const first = (await Promise.race(calls.map((call) => call.catch((error: unknown) => error)))) as { code?: string };
  assert.equal(first.code, 'busy');
  page.die();
  await Promise.allSettled(calls);
});
