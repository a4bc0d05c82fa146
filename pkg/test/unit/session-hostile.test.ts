/** Servers that take deposits and give nothing for them. */

import assert from 'node:assert/strict';
import { test } from 'vitest';
import { PaymentSessions, type DoubtedOrigin, type PaymentSessionsOptions } from '../../src/provider.ts';
import { URL_, fails, harness } from './session-fakes.ts';

const ORIGIN = 'https://llm.example';

test('a server that ends each session gets one deposit, however often it is asked', async () => {
  const { paying, sessions, payer, make } = harness({ words: 1 });
  await (await paying(URL_)).text();
  for (let count = 0; count < 50; count++) {
    for (const book of sessions.values()) book.status = 'closed';
    if (count % 2 === 0) sessions.clear(); // session-not-found
    await assert.rejects(make().paying(URL_), fails('untrusted'));
  }
  assert.equal(payer.paid.length, 1);
});

test('the user may give it another, and is asked about each, up to the limit of a day', async () => {
  const asked: DoubtedOrigin[] = [];
  const confirm = async (doubted: DoubtedOrigin) => (asked.push(doubted), true);
  const { paying, sessions, payer, clock, make } = harness({ words: 1, confirm, maxTotalMsat: 20_000n });
  const end = () => sessions.forEach((book) => (book.status = 'closed'));
  for (let count = 0; count < 3; count++) {
    await (await paying(URL_)).text();
    end();
  }
  await assert.rejects(paying(URL_), fails('tooExpensive'));
  await assert.rejects(make().paying(URL_), fails('tooExpensive'), 'nor by another program over the same store');
  assert.deepEqual(asked, [
    { origin: ORIGIN, amountMsat: 6_000n, depositedMsat: 6_000n },
    { origin: ORIGIN, amountMsat: 6_000n, depositedMsat: 12_000n },
  ]);
  clock.now += 24 * 3_600_000 - 1;
  await assert.rejects(paying(URL_), fails('tooExpensive'));
  clock.now += 1;
  await (await paying(URL_)).text();
  assert.deepEqual([payer.paid.length, asked.at(-1)!.depositedMsat], [4, 0n], 'a doubt does not pass with the day');
});

test('sessions that end as they should count together, and raise no doubt', async () => {
  const { paying, kept, payer } = harness({ words: 1, maxTotalMsat: 20_000n });
  for (let count = 0; count < 3; count++) {
    await (await paying(URL_)).text();
    assert.deepEqual(await kept.close(URL_), { refundMsat: 4_000n, refund: 'succeeded' });
    assert.equal(await kept.close(URL_), null);
  }
  await assert.rejects(paying(URL_), fails('tooExpensive'));
  assert.equal(payer.paid.length, 3);
});

test('a deposit that fails is not counted, and takes no doubt away', async () => {
  const answers = [true, true, false];
  const { paying, sessions, payer, store } = harness({ words: 1, confirm: async () => answers.shift()! });
  await (await paying(URL_)).text();
  for (const book of sessions.values()) book.status = 'closed';
  payer.ends = [() => new Error('the budget says no')];
  for (const code of ['notPaid', 'notPaid', 'untrusted']) {
    if (code === 'notPaid') payer.ends = [() => new Error('the budget says no')];
    await assert.rejects(paying(URL_), fails(code));
  }
  assert.equal((await store.get(ORIGIN))?.account?.depositedMsat, '6000');
});

test('no challenge of another origin is paid for, whoever is shown what', async () => {
  const { paying, payer, server, kept } = harness({ words: 0, confirm: async () => true });
  await (await paying(URL_)).text();
  server.leads.paid = 'https://evil.example/';
  await assert.rejects(paying(URL_), fails('notDelivered'));
  server.leads = { unpaid: 'https://evil.example/', paid: '' };
  await assert.rejects(kept.close(URL_), fails('badChallenge'));
  assert.equal(await kept.meet(new Request(URL_), await led()), null);
  assert.equal(payer.paid.length, 1);

  async function led(): Promise<Response> {
    const header =
      'Payment id="1", realm="r", method="lightning", intent="session", request="eyJhbW91bnQiOiIyIiwiY3VycmVuY3kiOiJzYXQifQ"';
    const response = new Response('', { status: 402, headers: { 'www-authenticate': header } });
    return Object.defineProperty(response, 'url', { value: 'https://evil.example/' });
  }
});

test('what an older release kept is a session without an account', async () => {
  const { paying, sessions, store, payer } = harness({ words: 1, maxTotalMsat: 11_999n });
  await (await paying(URL_)).text();
  const { account, ...old } = (await store.get(ORIGIN))!;
  assert.equal(account?.depositedMsat, '6000');
  await store.set(ORIGIN, old);
  for (const book of sessions.values()) book.spent = book.deposit;
  await assert.rejects(paying(URL_), fails('tooExpensive'));
  assert.equal(payer.paid.length, 1);
});

test('limits of deposits are given as such, or nothing is deposited', () => {
  const { payer, store } = harness({ words: 1 });
  const parts = { payer, store, returnInvoice: async () => 'lnbc1' };
  for (const [limits, message] of [
    [{ maxDeposit: 1n, maxTotalMsat: 1n }, /knows no `maxDeposit`/],
    [{ maxDepositMsat: 1n }, /`maxTotalMsat` is a bigint/],
    [{ maxDepositMsat: 1n, maxTotalMsat: 5 }, /`maxTotalMsat` is a bigint/],
  ] as const)
    assert.throws(() => new PaymentSessions({ ...parts, ...limits } as unknown as PaymentSessionsOptions), message);
});
