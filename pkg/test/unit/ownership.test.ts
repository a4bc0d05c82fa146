import assert from 'node:assert/strict';
import { test } from 'vitest';
import { FakePage, Origin, sleep } from './fakes.ts';
import { walletLock } from '../../src/link/names.ts';

async function running(origin: Origin, about = {}): Promise<FakePage> {
  const page = await FakePage.join(origin, await origin.host(about));
  await page.open(1, { create: true });
  return page;
}

test('a page that reaches another worker of the same script is sent to the one that runs', async () => {
  const origin = new Origin();
  await running(origin, { generation: 3 });
  const page = await FakePage.join(origin, await origin.host({ generation: 0 }));
  assert.deepEqual(await page.open(1), { elsewhere: 3 });
});

test('without a shared worker the second tab is told, and can take over', async () => {
  const origin = new Origin();
  const first = await running(origin, { shared: false });
  const second = await FakePage.join(origin, await origin.host({ shared: false }));
  await assert.rejects(second.open(1), { code: 'inUse' });
  assert.deepEqual(await second.open(1, { takeOver: true }), { opened: true });
  assert.equal(first.ended()?.error.code, 'fenced');
  assert.equal(origin.engines[0]?.closed, true, 'the first finished its step');
  assert.equal(origin.engines[1]?.closed, false);
});

test('a holder that does not answer is robbed only on request', async () => {
  const origin = new Origin();
  const frozen = await origin.locks.acquire(walletLock('main'), { timeout: 0 });
  origin.stored.set('main', { key: new Uint8Array(32).fill(1), source: new Uint8Array([1]) });
  const page = await FakePage.join(origin, await origin.host({ shared: false }));
  await assert.rejects(page.open(1), { code: 'inUse' });
  await page.open(1, { takeOver: true });
  await frozen?.lost;
});

test('an engine whose lock is stolen is stopped at once, also where it shares its thread', async () => {
  const origin = new Origin();
  const page = await running(origin);
  await origin.locks.acquire(walletLock('main'), { timeout: 0, steal: true });
  await sleep(5);
  assert.equal(page.ended()?.error.code, 'fenced');
  assert.equal(origin.engines[0]?.aborted, true, 'it would keep its keys, and its socket with the gateway');
  assert.equal(origin.engines[0]?.closed, false, 'nothing more is written');
});

test('an engine that has trapped is not called again', async () => {
  const origin = new Origin();
  const page = await running(origin);
  origin.crash();
  await sleep(5);
  assert.equal(page.ended()?.error.code, 'walletCrashed');
  assert.equal(origin.engines[0]?.aborted, false);
});

test('a lock that is about to be freed is waited for', async () => {
  const origin = new Origin();
  const dying = await origin.locks.acquire(walletLock('main'), { timeout: 0 });
  setTimeout(() => dying?.release(), 700);
  await running(origin);
});

test('a host that lost its lock to another ends', async () => {
  const origin = new Origin();
  const page = await running(origin);
  await origin.locks.acquire(walletLock('main'), { timeout: 0, steal: true });
  await sleep(5);
  assert.equal(page.ended()?.error.code, 'fenced');
  await sleep(80);
  assert.equal(origin.exited.length, 1);
});

test('a newer release takes over from an older one, through another script', async () => {
  const origin = new Origin();
  const old = await running(origin, { release: '0.1.0', script: 'old.js' });
  const page = await FakePage.join(origin, await origin.host({ release: '0.2.0', script: 'new.js' }), {
    release: '0.2.0',
  });
  await page.open(1);
  assert.equal(old.ended()?.error.code, 'versionMismatch');
  assert.equal(origin.engines[0]?.closed, true);
});

test('an older release does not take over from a newer one', async () => {
  const origin = new Origin();
  const newer = await running(origin, { release: '0.2.0', script: 'new.js' });
  const page = await FakePage.join(origin, await origin.host({ release: '0.1.0', script: 'old.js' }));
  await assert.rejects(page.open(1), { code: 'versionMismatch' });
  assert.equal(newer.ended(), undefined);
});

test('a newer page makes an older worker of the same script step aside', async () => {
  const origin = new Origin();
  const host = await origin.host();
  const old = await FakePage.join(origin, host);
  await old.open(1, { create: true });
  const page = await FakePage.join(origin, host, { version: 2, release: '0.2.0' });
  assert.deepEqual(
    page.heard.map((message) => message.kind === 'refused' && message.retry),
    [true],
  );
  await sleep(5);
  assert.equal(old.ended()?.error.code, 'versionMismatch');
  assert.equal(origin.engines[0]?.closed, true);
});

test('an older page is told to reload', async () => {
  const origin = new Origin();
  const page = await FakePage.join(origin, await origin.host({ version: 2 }), { version: 1 });
  const [answer] = page.heard;
  assert.ok(answer?.kind === 'refused' && !answer.retry && answer.error.code === 'versionMismatch');
});

test('a worker of one page ends with it', async () => {
  const origin = new Origin();
  const page = await running(origin, { shared: false });
  page.die();
  await sleep(80);
  assert.deepEqual(origin.exited, ['0.1.0/0']);
});
