import assert from 'node:assert/strict';
import { onTestFinished, test, vi } from 'vitest';
import { type Json, payingSites } from '../../src/provider.ts';
import { Failure, turn } from './site-fakes.ts';
import { budget, harness } from './site-harness.ts';

test('within the budget nobody is asked, and the proof comes back', async () => {
  const { wallet, user, ok, store } = harness();
  budget(wallet, 100_000n);
  const invoice = wallet.issue();
  assert.deepEqual(await ok('sendPayment', { paymentRequest: ` lightning:${invoice}` }), {
    preimage: wallet.preimageOf(invoice),
    paymentHash: wallet.invoices.get(invoice)!.paymentHash,
  });
  assert.deepEqual(user.asked, []);
  const site = { origin: 'https://shop.example', topLevel: 'https://shop.example' };
  assert.deepEqual(wallet.paid[0]!.authorization, { holder: { kind: 'site', ...site } });
  assert.deepEqual([...(await payingSites(store))], [[wallet.invoices.get(invoice)!.paymentHash, site]]);
});

test('a hundred payments at once against a budget for ten', async () => {
  const { wallet, user, call } = harness();
  budget(wallet, 110_000n);
  user.answer = () => ({ allowed: false });
  const replies = await Promise.all(
    Array.from({ length: 100 }, () => call('sendPayment', { paymentRequest: wallet.issue() })),
  );
  assert.equal(replies.filter((reply) => reply.ok).length, 10);
  assert.equal(wallet.paid.length, 10);
  assert.equal(user.mostAtOnce, 1);
  assert.ok(user.asked.length <= 4, `${user.asked.length} questions`);
});

test('above the budget the user is asked, and the yes is for exactly that', async () => {
  const { wallet, user, ok } = harness();
  budget(wallet, 5_000n);
  const invoice = wallet.issue(20_000n);
  await ok('sendPayment', { paymentRequest: invoice });
  const [question] = user.asked;
  assert.ok(question?.kind === 'payment');
  assert.deepEqual(
    [question.invoice.invoice, question.invoice.amountMsat, question.invoice.maxFeeMsat],
    [invoice, 20_000n, 1_000n],
  );
  assert.equal(question.refusal?.code, 'budgetRefused');
  // Its limit holds also for what is approved, so the user pays by hand: exactly that invoice, exactly that fee at most.
  assert.deepEqual(wallet.paid, [
    {
      invoice,
      amountMsat: 20_000n,
      maxFeeMsat: 1_000n,
      authorization: { holder: { kind: 'user' }, approvedMsat: 21_000n },
    },
  ]);
  assert.equal(wallet.budgets.get('https://shop.example https://shop.example'), 5_000n);
  // Raised while it was asked about, the budget pays.
  user.answer = () => {
    budget(wallet, 30_000n);
    return { allowed: true };
  };
  await ok('sendPayment', { paymentRequest: wallet.issue(20_000n) });
  assert.equal(wallet.paid[1]!.authorization.holder.kind, 'site');
  assert.equal(wallet.budgets.get('https://shop.example https://shop.example'), 9_000n);
});

test("the user's own money is never used without their seeing that the budget does not allow it", async () => {
  const { wallet, user, fails } = harness();
  // The budget shrinks while the user allows a payment within it.
  user.answer = (question) => {
    budget(wallet, 1n);
    return question.kind === 'payment' && question.refusal?.code === 'budgetRefused'
      ? { allowed: false }
      : { allowed: true };
  };
  await fails('RejectionError', 'sendPayment', { paymentRequest: wallet.issue() });
  assert.deepEqual([wallet.paid.length, user.asked.length], [0, 2]);
});

test('an invoice that changes between the question and the payment is not the one that is paid', async () => {
  const { wallet, user, ok } = harness();
  const shown = wallet.issue(10_000n);
  const params = { paymentRequest: shown };
  user.answer = () => {
    // The page has its object still; and the wallet would now read the text as something else.
    params.paymentRequest = wallet.issue(9_000_000n);
    wallet.invoices.set(shown, { ...wallet.invoices.get(shown)!, amountMsat: 9_000_000n });
    return { allowed: true };
  };
  await ok('sendPayment', params);
  assert.deepEqual(
    wallet.paid.map(({ invoice, amountMsat }) => [invoice, amountMsat]),
    [[shown, 10_000n]],
  );
});

test('the same invoice twice at once is paid once, and asked about once', async () => {
  const { wallet, user, call, restart } = harness();
  const invoice = wallet.issue();
  const replies = await Promise.all([
    call('sendPayment', { paymentRequest: invoice }),
    call('sendPayment', { paymentRequest: invoice }),
  ]);
  restart();
  const again = await call('sendPayment', { paymentRequest: invoice });
  for (const reply of [...replies, again])
    assert.deepEqual(reply.ok && reply.result, (replies[0] as { result: Json }).result);
  assert.equal(wallet.paid.length, 1);
  assert.equal(user.asked.length, 1);
});

test('nobody gets the proof of what another paid', async () => {
  const { wallet, fails, ok, user } = harness();
  budget(wallet, 1_000_000n);
  const invoice = wallet.issue();
  await ok('sendPayment', { paymentRequest: invoice });
  const other = { origin: 'https://evil.example', topLevelOrigin: 'https://evil.example', tabId: 9, frameId: 0 };
  await ok('enable', {}, other);
  budget(wallet, 1_000_000n, other);
  const { paymentHash } = wallet.invoices.get(invoice)!;
  // The second time it must not be taken for its own either.
  for (let time = 0; time < 2; time++)
    await fails('InvalidDataError', 'sendPayment', { paymentRequest: invoice }, other);
  await fails('InvalidDataError', 'lookupInvoice', { paymentHash }, other);
  await fails('InvalidDataError', 'lookupInvoice', { paymentRequest: invoice }, other);
  assert.deepEqual(await ok('lookupInvoice', { paymentHash }), {
    paymentRequest: invoice,
    paid: true,
    preimage: wallet.preimageOf(invoice),
  });
  assert.deepEqual(user.kinds, ['enable']);
});

test('a payment that is under way is waited for; the host that dies meanwhile loses nothing', async () => {
  const { wallet, call, restart } = harness();
  budget(wallet, 1_000_000n);
  const invoice = wallet.issue();
  const { paymentHash } = wallet.invoices.get(invoice)!;
  wallet.ends = [() => ({ state: 'pending' })];
  const first = call('sendPayment', { paymentRequest: invoice });
  while (wallet.paid.length === 0) await turn();
  restart();
  const second = call('sendPayment', { paymentRequest: invoice });
  while ((wallet.watchers.get(paymentHash)?.size ?? 0) < 2) await turn();
  wallet.end(paymentHash, { state: 'succeeded', preimage: wallet.preimageOf(invoice) });
  for (const reply of await Promise.all([first, second])) assert.ok(reply.ok);
  assert.equal(wallet.paid.length, 1);
});

test('when the wallet dies while it pays, its record decides', async () => {
  const { wallet, fails, ok } = harness();
  budget(wallet, 1_000_000n);
  const lost = wallet.issue();
  wallet.ends = [() => new Failure('internal')];
  await fails('InternalError', 'sendPayment', { paymentRequest: lost });
  const paid = wallet.issue();
  wallet.ends = [
    (hash) => {
      wallet.outcomes.set(hash, { state: 'succeeded', preimage: wallet.preimages.get(hash)! });
      return new Failure('walletCrashed');
    },
  ];
  assert.match(await fails('ConnectionError', 'sendPayment', { paymentRequest: paid }), /not paid twice/);
  await ok('sendPayment', { paymentRequest: paid });
  assert.equal(wallet.paid.filter(({ invoice }) => invoice === paid).length, 1);
});

test('a wallet that is locked while a payment is under way ends the wait, and the payment is found again', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const { wallet, call, ok } = harness();
  budget(wallet, 1_000_000n);
  const invoice = wallet.issue();
  const { paymentHash } = wallet.invoices.get(invoice)!;
  wallet.ends = [() => ({ state: 'pending' })];
  const waiting = call('sendPayment', { paymentRequest: invoice });
  while ((wallet.watchers.get(paymentHash)?.size ?? 0) === 0) await turn();
  const { lookup } = wallet;
  wallet.lookup = async () => Promise.reject(new Failure('closed'));
  await turn();
  vi.advanceTimersByTime(15_000);
  const reply = await waiting;
  assert.ok(!reply.ok && reply.error.name === 'ConnectionError', JSON.stringify(reply));
  wallet.lookup = lookup;
  wallet.end(paymentHash, { state: 'succeeded', preimage: wallet.preimageOf(invoice) });
  await ok('sendPayment', { paymentRequest: invoice });
  assert.equal(wallet.paid.length, 1);
});

test('nothing is called paid without its proof', async () => {
  const { wallet, fails } = harness();
  budget(wallet, 1_000_000n);
  for (const preimage of ['00'.repeat(32), 'zz', '']) {
    wallet.ends = [() => ({ state: 'succeeded', preimage })];
    await fails('InternalError', 'sendPayment', { paymentRequest: wallet.issue() });
  }
});

test('sendPaymentAsync answers when the payment is under way, without a proof', async () => {
  const { wallet, ok, fails } = harness();
  budget(wallet, 1_000_000n);
  wallet.ends = [() => ({ state: 'pending' })];
  assert.deepEqual(await ok('sendPaymentAsync', { paymentRequest: wallet.issue() }), {});
  wallet.ends = [() => new Failure('noRoute')];
  await fails('RoutingError', 'sendPaymentAsync', { paymentRequest: wallet.issue() });
});

test('what an invoice lacks is chosen, and what it cannot be paid for is named', async () => {
  const { wallet, user, ok, fails } = harness();
  budget(wallet, 1_000_000n);
  user.answer = () => ({ allowed: true, amountMsat: 7_000n });
  await ok('sendPayment', { paymentRequest: wallet.issue(null) });
  assert.deepEqual(
    wallet.paid.map(({ amountMsat, authorization }) => [amountMsat, authorization.approvedMsat]),
    [[7_000n, 8_000n]],
  );
  user.answer = () => ({ allowed: true });
  await fails('InvalidDataError', 'sendPayment', { paymentRequest: wallet.issue(null) });
  await fails('InvalidDataError', 'sendPayment', {
    paymentRequest: wallet.issue(1n, { problem: { code: 'expired', message: 'own words' } }),
  });
  for (const bad of ['', 'hello', 'lnbcrt1unknown', 5, null, `lnbc${'1'.repeat(9_000)}`])
    await fails('InvalidDataError', 'sendPayment', { paymentRequest: bad });
  await fails('InvalidDataError', 'sendPayment', []);
  assert.equal(wallet.paid.length, 1);
});
