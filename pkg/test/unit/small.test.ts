import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'vitest';
import { WalletError, toData, toError } from '../../src/base/error.ts';
import { LogRing } from '../../src/engine/log.ts';
import { checkName, parseWorkerName, workerName } from '../../src/link/names.ts';
import { Events } from '../../src/wallet/events.ts';
import type { Event } from '../../src/base/protocol.ts';
import { RELEASE, isNewer } from '../../src/link/release.ts';
import { readToPage } from '../../src/link/wire.ts';

test("the release is the package's", () => {
  assert.equal(RELEASE, (JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version);
});

test('releases are compared by their numbers', () => {
  assert.ok(isNewer('0.10.0', '0.9.9') && isNewer('1.0.0', '0.99.0') && isNewer('0.1.0', 'garbage'));
  assert.ok(!isNewer('0.1.0', '0.1.0') && !isNewer('0.1.0', '0.1.1') && !isNewer('garbage', '0.0.0'));
});

test('names are checked', () => {
  for (const bad of ['', 'Main', 'a b', 'ä', 'x'.repeat(65), 7, undefined])
    assert.throws(() => checkName(bad), { code: 'invalidInput' });
  checkName('main_2-x');
  assert.deepEqual(parseWorkerName(workerName('main_2-x', 12)), { name: 'main_2-x', generation: 12 });
  for (const bad of ['', 'amplet:main', 'amplet:Main:0', 'amplet:main:-1']) assert.equal(parseWorkerName(bad), null);
});

test('errors keep their code across a port', () => {
  const error = new WalletError('noRoute', 'none', ['x'], ['line']);
  assert.deepEqual(toData(error), { code: 'noRoute', message: 'none', causes: ['x'] });
  assert.equal(toError(structuredClone(toData(error))).code, 'noRoute');
  assert.equal(toError(error), error);
  assert.equal(toData(new TypeError('boom')).code, 'internal');
  assert.deepEqual(toData(new TypeError('boom')).causes, ['TypeError: boom']);
});

test('a page drops what the host would not say', () => {
  for (const bad of [
    null,
    'ok',
    {},
    { kind: 'ok' },
    { kind: 'err', id: 1, error: {} },
    { kind: 'constructor' },
    { kind: 'ended' },
  ]) {
    assert.equal(readToPage(bad), null, JSON.stringify(bad));
  }
  assert.equal(readToPage({ kind: 'ok', id: 1, value: 2n })?.kind, 'ok');
});

test('the log keeps the last 500 lines, and those of a crash before its own', () => {
  const ring = new LogRing();
  for (let i = 0; i < 600; i += 1) ring.add(`line ${i}`);
  assert.equal(ring.lines().length, 500);
  assert.match(ring.lines()[0] ?? '', /line 100$/);
  const fresh = new LogRing();
  fresh.add('new');
  fresh.seed(['old']);
  assert.match(fresh.lines().join('\n'), /^old\n--- a fresh engine ---\n.*new$/);
  fresh.add('x'.repeat(9_999));
  assert.ok((fresh.lines().at(-1)?.length ?? 0) < 600);
});

const event = (id: bigint): Event => ({ id, at: 0n, type: 'channelReady', channelId: 'c' });

test('events come in order, once per iterator, until acknowledged', async () => {
  const acknowledged: bigint[] = [];
  const events = new Events(async (id) => void acknowledged.push(id));
  for (const id of [2n, 1n, 2n]) events.push(event(id));
  const iterator = events.iterate();
  const first = (await iterator.next()).value;
  assert.equal(first?.id, 1n);
  await first?.ack();
  assert.deepEqual(acknowledged, [1n]);
  assert.equal((await iterator.next()).value?.id, 2n);
  const late = iterator.next();
  events.push(event(3n));
  assert.equal((await late).value?.id, 3n);
  const again = events.iterate();
  assert.equal((await again.next()).value?.id, 2n, 'what was not acknowledged comes to a new iterator');
  events.end(new WalletError('closed', 'closed'));
  assert.equal((await iterator.next()).done, true);
});

test('an acknowledgement that fails leaves the event', async () => {
  const events = new Events(async () => Promise.reject(new WalletError('storage', 'full')));
  events.push(event(1n));
  const first = (await events.iterate().next()).value;
  await assert.rejects(first?.ack() ?? Promise.resolve(), { code: 'storage' });
  assert.equal((await events.iterate().next()).value?.id, 1n);
});

test('iterators throw what ended the wallet', async () => {
  const events = new Events(async () => undefined);
  const waiting = events.iterate().next();
  events.end(new WalletError('walletCrashed', 'crashed'));
  await assert.rejects(waiting, { code: 'walletCrashed' });
});
