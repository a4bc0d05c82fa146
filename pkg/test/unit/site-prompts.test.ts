/** How often, and for whom, the user is asked. */

import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { Sender } from '../../src/provider.ts';
import { partyOf } from '../../src/sites/origin.ts';
import { FRAMED, SHOP, turn } from './site-fakes.ts';
import { harness } from './site-harness.ts';

const HOUR = 3_600_000;
const framed = (name: string, topLevelOrigin = 'https://evil.example'): Sender => ({
  ...FRAMED,
  origin: `https://${name}.evil.example`,
  topLevelOrigin,
});

test('a page with frames of two hundred subdomains asks no more often than one without', async () => {
  const { user, fails, ok } = harness();
  user.answer = () => ({ allowed: false });
  for (let count = 0; count < 200; count++) await fails('RejectionError', 'enable', {}, framed(`f${count}`));
  assert.equal(user.asked.length, 3);
  // Nor does it when the pages of its other hosts ask.
  for (let count = 0; count < 20; count++)
    await fails('RejectionError', 'enable', {}, framed('f', `https://p${count}.evil.example:${8000 + count}`));
  assert.equal(user.asked.length, 3);
  // Another party is heard, also with the same frame in it.
  user.answer = () => ({ allowed: true });
  await ok('enable', {}, framed('f', 'https://news.example'));
});

test('who nags is not heard for longer each time, up to an hour, and a yes begins anew', async () => {
  const { user, call, clock } = harness({ enabled: false });
  let allowed = false;
  user.answer = () => ({ allowed });
  const nags = async (ms: number): Promise<number> => {
    const before = user.asked.length;
    for (let passed = 0; passed < ms; passed += 1_000) {
      await call('enable');
      clock.now += 1_000;
    }
    return user.asked.length - before;
  };
  assert.equal(await nags(30_000), 3);
  assert.equal(await nags(HOUR), 6, 'after 30 s, then after 1, 2, 4, 8 and 16 minutes');
  clock.now += HOUR;
  assert.equal(await nags(60_000), 1, 'the pause is an hour by now');
  clock.now += 3 * HOUR;
  assert.equal(await nags(25_000), 3, 'noes are forgotten in the end');
  clock.now += 30_000;
  allowed = true;
  const { ok } = await call('enable');
  assert.equal(ok, true);
});

test('a page that goes away is not refused: the next one of its site is heard', async () => {
  const { user, call, fails } = harness({ enabled: false });
  for (let count = 0; count < 5; count++) {
    const gone = new AbortController();
    user.answer = () => (gone.abort(), { allowed: false });
    assert.equal((await call('enable', {}, SHOP, gone.signal)).ok, false);
  }
  assert.equal(user.asked.length, 5);
  user.answer = () => ({ allowed: false });
  await fails('RejectionError', 'enable');
  assert.equal(user.asked.length, 6);
});

test('a page that nobody looks at waits with its question until somebody does, and keeps none from asking', async () => {
  const { user, call, host } = harness({ enabled: false });
  const [hidden, gone] = [new AbortController(), new AbortController()];
  for (const { signal } of [hidden, gone]) host.now.seen(signal, false);
  const waiting = call('enable', {}, { ...SHOP, origin: 'https://a.example' }, hidden.signal);
  const leaves = call('enable', {}, { ...SHOP, origin: 'https://b.example' }, gone.signal);
  for (let wait = 0; wait < 5; wait++) await turn();
  assert.deepEqual(user.asked, []);
  assert.equal((await call('enable')).ok, true, 'a frame of the same page that is seen');
  gone.abort();
  assert.equal((await leaves).ok, false);
  assert.equal(user.asked.length, 1);
  host.now.seen(hidden.signal, true);
  assert.equal((await waiting).ok, true);
});

test('a party is what one registers, or an address, or a program on this machine', () => {
  for (const [origin, party] of [
    ['https://shop.example', 'shop.example'],
    ['https://a.b.shop.example:8443', 'shop.example'],
    ['https://www.shop.co.uk', 'shop.co.uk'],
    ['https://shop.co.uk', 'shop.co.uk'],
    ['https://www.shop.uk', 'shop.uk'],
    ['https://shop.example.', 'shop.example'],
    ['http://localhost:3000', 'localhost:3000'],
    ['http://127.0.0.1:3000', '127.0.0.1:3000'],
    ['http://[::1]:3000', '[::1]:3000'],
    ['https://10.0.0.1:3000', '10.0.0.1'],
  ])
    assert.equal(partyOf(origin!), party, origin);
});
