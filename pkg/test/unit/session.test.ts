import assert from 'node:assert/strict';
import { test } from 'vitest';
import { payingFetch, readSessionChallenge } from '../../src/provider.ts';
import { NOW, URL_, data, fails, harness } from './session-fakes.ts';
import { FakeStore } from './site-fakes.ts';

test('a deposit opens a session, a stream is topped up on the way, what is left comes back', async () => {
  const { paying, kept, payer, sessions, actions, store, expiries } = harness();
  const response = await paying(URL_);
  assert.deepEqual(data(await response.text()), ['word0', 'word1', 'word2', 'word3', 'word4', '[DONE]']);
  assert.deepEqual(actions, ['open', 'topUp']);
  const [book] = sessions.values();
  assert.deepEqual([book!.deposit, book!.spent, book!.returnInvoice], [12, 10, 'lnbcrt1return']);
  assert.ok(expiries[0]! >= 30 * 24 * 3_600);
  assert.equal((await store.get('https://llm.example'))?.depositedMsat, '12000');
  assert.deepEqual(await kept.close(URL_), { refundMsat: 2_000n, refund: 'succeeded' });
  assert.equal(await kept.close(URL_), null);
  assert.equal(payer.paid.length, 2);
});

test('the next request shows the session, and tops it up first when nothing is left', async () => {
  const { paying, actions, payer, make } = harness({ words: 3 });
  await (await paying(URL_)).text();
  const again = make();
  assert.equal(data(await (await again.paying(URL_, { method: 'POST', body: 'prompt' })).text()).length, 4);
  assert.deepEqual(actions, ['open', 'bearer', 'topUp', 'bearer']);
  assert.equal(payer.paid.length, 2);
});

test('challenges for a POST are asked for by POST', async () => {
  const { paying, server } = harness();
  await (await paying(URL_, { method: 'POST', body: 'prompt' })).text();
  assert.deepEqual(new Set(server.methods), new Set(['POST']));
});

test('a session that the server has closed is opened anew when the user allows it', async () => {
  const { paying, sessions, actions, payer } = harness({ words: 1, confirm: async () => true });
  await (await paying(URL_)).text();
  for (const book of sessions.values()) book.status = 'closed';
  await (await paying(URL_)).text();
  assert.deepEqual(actions, ['open', 'bearer', 'open']);
  assert.equal(payer.paid.length, 2);
});

test('ten requests at once open one session', async () => {
  const { paying, payer, actions } = harness({ words: 0 });
  await Promise.all(Array.from({ length: 10 }, async () => (await paying(URL_)).text()));
  assert.equal(payer.paid.length, 1);
  assert.deepEqual(actions, ['open', ...Array<string>(9).fill('bearer')]);
});

test('no more is deposited than is allowed', async () => {
  await assert.rejects(harness({ maxDepositMsat: 5_999n }).paying(URL_), fails('tooExpensive'));
  const { paying, payer, problems, release, server } = harness({ maxTotalMsat: 11_999n });
  const response = await paying(URL_);
  const reader = response.body!.getReader();
  let seen = '';
  while (!seen.includes('need-topup')) seen += new TextDecoder().decode((await reader.read()).value);
  while (problems.length === 0) await new Promise(setImmediate);
  assert.ok(fails('tooExpensive')(problems[0]));
  assert.equal(payer.paid.length, 1);
  server.takesOpen = false;
  release();
  await reader.cancel();
});

test('deposits that make no sense are not paid', async () => {
  const changes: ((request: Record<string, unknown>) => Record<string, unknown>)[] = [
    (request) => ({ ...request, depositAmount: '7' }),
    (request) => ({ ...request, amount: '7' }),
    (request) => ({ ...request, amount: '0' }),
    (request) => ({ ...request, currency: 'BTC' }),
    (request) => ({ ...request, paymentHash: '00'.repeat(32) }),
    (request) => ({ ...request, paymentHash: undefined }),
    (request) => ({ ...request, depositInvoice: undefined }),
    (request) => ({ ...request, depositInvoice: 'garbage' }),
  ];
  for (const change of changes) {
    const { paying, payer, server, store } = harness();
    server.change = change;
    await assert.rejects(paying(URL_), fails('badChallenge'));
    assert.deepEqual([payer.paid.length, store.all.size], [0, 0]);
  }
  assert.equal(readSessionChallenge('Basic realm="x"'), null);
});

test('a deposit that fails leaves nothing, one that is under way is waited for', async () => {
  const { paying, payer, store, make } = harness({ words: 1 });
  payer.ends = [() => new Error('the budget says no')];
  await assert.rejects(paying(URL_), fails('notPaid'));
  assert.equal(store.all.size, 0);
  payer.ends = [() => ({ state: 'pending' })];
  await assert.rejects(paying(URL_), fails('pending'));
  await assert.rejects(make().paying(URL_), fails('pending'));
  const invoice = payer.paid.at(-1)!;
  const { paymentHash, preimage } = payer.facts.get(invoice)!;
  payer.outcomes.set(paymentHash, { state: 'succeeded', preimage });
  // Another page, after the first one died: the deposit is credited, and shown.
  assert.equal(data(await (await make().paying(URL_)).text()).length, 2);
  assert.equal(payer.paid.length, 2);
});

test('a deposit that the server does not take is said as such, and is not paid again', async () => {
  const { paying, payer, server, make } = harness({ words: 1 });
  server.takesOpen = false;
  await assert.rejects(paying(URL_), fails('notDelivered'));
  await assert.rejects(make().paying(URL_), fails('notDelivered'));
  assert.equal(payer.paid.length, 1);
  server.takesOpen = true;
  await (await make().paying(URL_)).text();
  assert.equal(payer.paid.length, 1);
});

test('without sessions a server that offers only them is not paid, nor over plain HTTP', async () => {
  const { payer } = harness();
  const fetch = async () =>
    new Response('', {
      status: 402,
      headers: { 'www-authenticate': 'Payment id="1", realm="r", method="lightning", intent="session", request="e30"' },
    });
  await assert.rejects(
    payingFetch({ payer, store: new FakeStore(), maxCostMsat: 1_000n, fetch, now: () => NOW })(URL_),
    fails('badChallenge'),
  );
  const plain = harness();
  await assert.rejects(plain.paying('http://llm.example/'), fails('insecure'));
  assert.equal(plain.payer.paid.length, 0);
});
