/** No page keeps the wallet from the others. */

import assert from 'node:assert/strict';
import { test } from 'vitest';
import { Port } from '../../src/engine/port.ts';
import type { ToPage } from '../../src/link/wire.ts';
import { relay, type Json, type Sender, type SiteCall, type SiteReply } from '../../src/provider.ts';
import { isShort } from '../../src/sites/webln/validate.ts';
import { Failure, SHOP, turn } from './site-fakes.ts';
import { budget, harness } from './site-harness.ts';

const OTHER: Sender = { ...SHOP, origin: 'https://other.example', topLevelOrigin: 'https://other.example', tabId: 7 };
const GRANT = '{"version":1,"balance":false}';

test('a page that is not enabled costs the engine next to nothing, however often it calls', async () => {
  const { wallet, call, clock } = harness({ enabled: false });
  let asked = 0;
  const budgetLeftMsat = wallet.budgetLeftMsat.bind(wallet);
  wallet.budgetLeftMsat = async (site) => ((asked += 1), budgetLeftMsat(site));
  for (let round = 0; round < 10; round++) {
    const replies = await Promise.all(Array.from({ length: 100 }, () => call('getInfo')));
    assert.ok(replies.every((reply) => !reply.ok));
  }
  assert.ok(asked <= 2, `${asked}`);
  asked = 0;
  await Promise.all(Array.from({ length: 100 }, () => call('isEnabled')));
  assert.ok(asked <= 20, `${asked}`);
  // Who is given a budget is enabled, and stays so without the engine.
  budget(wallet, 1_000n);
  clock.now += 5_000;
  assert.equal((await call('getInfo')).ok, true);
  asked = 0;
  for (let time = 0; time < 10; time++) await call('getInfo');
  assert.equal(asked, 0);
});

test('fifty calls to be enabled are one question, however long its answer takes', async () => {
  const { user, call } = harness({ enabled: false });
  user.answer = () => ({ allowed: false });
  const replies = await Promise.all(Array.from({ length: 50 }, () => call('enable')));
  assert.ok(replies.every((reply) => !reply.ok));
  assert.equal(user.asked.length, 1);
});

test('a site has its share of the wallet: the rest of its calls wait, too many are told so, others are served', async () => {
  const { wallet, call, store, host } = harness();
  store.all.set('grant/https://other.example https://other.example', GRANT);
  budget(wallet, 10n ** 9n, OTHER);
  let working = 0;
  let most = 0;
  const open: (() => void)[] = [];
  const { signMessage } = wallet;
  wallet.signMessage = async (message) => {
    most = Math.max(most, ++working);
    if (message === 'slow') await new Promise<void>((go) => open.push(go));
    working -= 1;
    return signMessage(message);
  };
  wallet.info = async () => {
    most = Math.max(most, ++working);
    await new Promise<void>((go) => open.push(go));
    working -= 1;
    return { alias: 'amplet', nodeId: `03${'ab'.repeat(32)}`, network: 'regtest' };
  };
  const replies: SiteReply[] = [];
  for (let count = 0; count < 300; count++) void call('getInfo').then((reply) => replies.push(reply));
  while (replies.length < 172) await turn();
  for (const reply of replies)
    assert.deepEqual(!reply.ok && [reply.error.name, reply.error.code], ['RejectionError', 'busy']);
  assert.ok(most <= 16, `${most}`);
  const paid = await host.now.handle(OTHER, {
    amplet: 1,
    id: 1,
    method: 'sendPayment',
    params: { paymentRequest: wallet.issue() },
  });
  assert.equal(paid?.ok, true);
  while (replies.length < 300) {
    open.shift()?.();
    await turn();
  }
  assert.equal(replies.filter(({ ok }) => ok).length, 128);
  assert.ok(most <= 16, `${most}`);
});

test('the frames of a page share what it may ask, whatever their origins', async () => {
  const { wallet, host, store } = harness();
  let [working, most] = [0, 0];
  wallet.info = async () => {
    most = Math.max(most, ++working);
    return new Promise(() => undefined);
  };
  const refused: SiteReply[] = [];
  for (let count = 0; count < 400; count++) {
    const origin = `https://f${count % 100}.evil.example`;
    store.all.set(`grant/${origin} https://evil.example`, GRANT);
    const sender = { ...SHOP, origin, topLevelOrigin: 'https://evil.example' };
    void host.now
      .handle(sender, { amplet: 1, id: count, method: 'getInfo', params: {} })
      .then((reply) => refused.push(reply!));
  }
  while (refused.length < 144) await turn();
  assert.ok(most <= 32, `${most}`);
  assert.ok(refused.every((reply) => !reply.ok && reply.error.code === 'busy'));
});

test('what is too large or too deep is refused without being written out', async () => {
  const { host } = harness();
  let deep: Json = null;
  for (let depth = 0; depth < 20_000; depth++) deep = [deep];
  const loop: Record<string, unknown> = {};
  loop['loop'] = loop;
  const written = { toJSON: () => assert.fail('it was written'), text: 'x'.repeat(70_000) };
  for (const params of [
    deep,
    loop,
    written,
    { a: 'x'.repeat(70_000) },
    Array(40_000).fill(0),
    { ['x'.repeat(70_000)]: 1 },
  ]) {
    assert.equal(isShort(params), false);
    const reply = await host.now.handle(SHOP, { amplet: 1, id: 1, method: 'makeInvoice', params });
    assert.ok(reply && !reply.ok && reply.error.name === 'InvalidDataError');
  }
  for (const params of [null, {}, 5, 'x', { amount: 5, more: [{ a: 'b' }] }, { a: 'x'.repeat(60_000) }])
    assert.ok(isShort(params));
});

/** A window that hears itself. */
function ownWindow() {
  const listeners: ((event: { source: unknown; data: unknown }) => void)[] = [];
  const said: Record<string, unknown>[] = [];
  const target = {
    origin: 'https://shop.example',
    addEventListener: (_: string, listener: (event: { source: unknown; data: unknown }) => void) =>
      listeners.push(listener),
    postMessage: (data: Record<string, unknown>) => {
      said.push(data);
      for (const listener of listeners) listener({ source: target, data });
    },
  };
  const answers = (): SiteReply[] =>
    said.flatMap((data) => ('amplet:answer' in data ? [data['amplet:answer'] as SiteReply] : []));
  return {
    target: target as unknown as Window,
    say: (call: unknown) => target.postMessage({ 'amplet:call': call }),
    answers,
  };
}

test('beside the page already calls are bounded in size and number', () => {
  const { target, say, answers } = ownWindow();
  const forwarded: SiteCall[] = [];
  const { answer, lost } = relay((call) => forwarded.push(call), target);
  const call = (id: number, params: Json = {}): SiteCall => ({ amplet: 1, id, method: 'getInfo', params });
  say(call(1, { a: 'x'.repeat(70_000) }));
  assert.deepEqual(
    [forwarded.length, answers().map((reply) => !reply.ok && reply.error.name)],
    [0, ['InvalidDataError']],
  );
  say({ ...call(1), method: 'x'.repeat(70_000) });
  assert.equal(forwarded.length, 0);
  for (let id = 1; id <= 200; id++) say(call(id));
  assert.equal(forwarded.length, 128);
  assert.ok(
    answers()
      .slice(2)
      .every((reply) => !reply.ok && reply.error.code === 'busy'),
  );
  // An answer makes room, and so does the end of the host.
  answer({ amplet: 1, id: 1, ok: true, result: null });
  say(call(300));
  say(call(301));
  assert.equal(forwarded.length, 129);
  lost();
  say(call(302));
  assert.equal(forwarded.length, 130);
});

test('the engine says that it is busy, and a site is told so, and that no funds were sent', async () => {
  const said: ToPage[] = [];
  const port = new Port({ postMessage: (message) => said.push(message as ToPage), close: () => {}, onmessage: null });
  const never = () => new Promise(() => undefined);
  for (let id = 1; id <= 257; id++) void port.answer(id, { method: 'request', request: { method: 'balance' } }, never);
  assert.deepEqual(
    said.map((message) => message.kind === 'err' && message.error.code),
    ['busy'],
  );
  const { wallet, call } = harness();
  budget(wallet, 10n ** 9n);
  wallet.ends = [() => new Failure('busy')];
  const reply = await call('sendPayment', { paymentRequest: wallet.issue() });
  assert.ok(!reply.ok);
  assert.deepEqual([reply.error.name, reply.error.code], ['RejectionError', 'busy']);
  assert.match(reply.error.message, /no funds were sent/);
});
