/** What one site does with another's invoice or session does not concern the other. */

import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { Sender } from '../../src/provider.ts';
import { Failure, SHOP, turn } from './site-fakes.ts';
import { budget, harness } from './site-harness.ts';

const EVIL: Sender = { ...SHOP, origin: 'https://evil.example', topLevelOrigin: 'https://evil.example', tabId: 9 };

function both() {
  const all = harness();
  all.store.all.set('grant/https://evil.example https://evil.example', '{"version":1,"balance":false}');
  return all;
}

test("a site whose question waits does not keep another's invoice from being paid", async () => {
  const { wallet, user, call, fails } = both();
  budget(wallet, 10n ** 6n);
  const invoice = wallet.issue();
  let answer: (allowed: boolean) => void = () => {};
  user.answer = () => new Promise((resolve) => (answer = (allowed) => resolve({ allowed })));
  const waits = call('sendPayment', { paymentRequest: invoice }, EVIL);
  while (user.asked.length === 0) await turn();
  const paid = await call('sendPayment', { paymentRequest: invoice });
  assert.ok(paid.ok);
  assert.equal((paid.result as { preimage: string }).preimage, wallet.preimageOf(invoice));
  answer(true);
  const late = await waits;
  assert.ok(!late.ok && late.error.name === 'InvalidDataError', 'it is paid already');
  assert.equal(wallet.paid.length, 1);
  await fails('InvalidDataError', 'lookupInvoice', { paymentRequest: invoice }, EVIL);
});

test('two sites that may pay the same invoice at once pay it once, and the proof is that of one', async () => {
  const { wallet, call } = both();
  budget(wallet, 10n ** 6n);
  budget(wallet, 10n ** 6n, EVIL);
  const invoice = wallet.issue();
  const replies = await Promise.all(
    [SHOP, EVIL].map((sender) => call('sendPayment', { paymentRequest: invoice }, sender)),
  );
  assert.deepEqual(
    replies.map(({ ok }) => ok),
    [true, false],
  );
  assert.equal(wallet.paid.length, 1);
});

test("a payment that never began gives its site nothing of another's", async () => {
  for (const code of ['timeout', 'closed', 'internal']) {
    const { wallet, call, fails, ok } = both();
    budget(wallet, 10n ** 6n);
    budget(wallet, 10n ** 6n, EVIL);
    const invoice = wallet.issue();
    wallet.ends = [() => new Failure(code)];
    assert.equal((await call('sendPayment', { paymentRequest: invoice }, EVIL)).ok, false);
    await ok('sendPayment', { paymentRequest: invoice });
    await fails('InvalidDataError', 'lookupInvoice', { paymentRequest: invoice }, EVIL);
    const again = await call('sendPayment', { paymentRequest: invoice }, EVIL);
    assert.ok(!again.ok && !JSON.stringify(again).includes(wallet.preimageOf(invoice)), code);
    assert.match(JSON.stringify(await ok('lookupInvoice', { paymentRequest: invoice })), /"preimage"/);
  }
});

test('where an earlier release left it open whose payment it is, the proof is for the user alone', async () => {
  const { wallet, store, call, ok } = both();
  budget(wallet, 10n ** 6n);
  budget(wallet, 10n ** 6n, EVIL);
  const invoice = wallet.issue();
  const { paymentHash } = wallet.invoices.get(invoice)!;
  for (const { origin } of [EVIL, SHOP])
    await store.set(`sent/${paymentHash} ${origin} ${origin}`, { version: 1, invoice, at: 1 });
  wallet.end(paymentHash, { state: 'succeeded', preimage: wallet.preimageOf(invoice) });
  for (const sender of [EVIL, SHOP]) {
    assert.deepEqual(await ok('lookupInvoice', { paymentHash }, sender), { paymentRequest: invoice, paid: true });
    const reply = await call('sendPayment', { paymentRequest: invoice }, sender);
    assert.ok(!reply.ok && reply.error.name === 'InvalidDataError');
  }
});

test('the question about a stream says whether it goes on while nobody looks', async () => {
  const { wallet, user, call } = harness();
  Object.assign(wallet, { streams: { start: async () => Promise.reject(new Failure('approvalNeeded')) } });
  user.answer = () => ({ allowed: false });
  const terms = { nodeId: `02${'11'.repeat(32)}`, sessionId: 'film', ratePerSecondMsat: '1', creditMsat: '5' };
  for (const more of [{}, { pauseWhenHidden: true }, { pauseWhenHidden: false }])
    await call('request', { method: 'stream.start', params: { ...terms, ...more } });
  assert.deepEqual(
    user.asked.map((question) => question.kind === 'stream' && question.pausesHidden),
    [true, true, false],
  );
});
