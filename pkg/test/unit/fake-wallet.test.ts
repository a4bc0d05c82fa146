/** amplet/testing: the pretended wallet behaves as the real one where tests look. */

import assert from 'node:assert/strict';
import { test } from 'vitest';
import { payingFetch, walletPayer, WalletStore } from '../../src/provider.ts';
import { paywall, walletInvoices } from '../../src/server.ts';
import { fakeWallet } from '../../src/testing.ts';
import type { Payment } from '../../src/index.ts';

test('two of them pay each other, and both are told', async () => {
  const [payer, payee] = [fakeWallet({ balanceMsat: 10_000n }), fakeWallet({ balanceMsat: 0n })];
  const { invoice, paymentHash } = await payee.receive({ amountMsat: 4_000n, description: 'tea' });
  const lists: Payment[][] = [];
  await payee.onPayments((list) => lists.push(list));
  const waiting = payee.paid(paymentHash);
  const payment = await payer.pay(`lightning:${invoice}`);
  assert.deepEqual([payment.state, payment.amountMsat], ['succeeded', 4_000n]);
  assert.equal((await waiting).preimage, payment.preimage);
  assert.deepEqual([(await payer.balance()).spendableMsat, (await payee.balance()).spendableMsat], [6_000n, 4_000n]);
  assert.deepEqual(
    lists.map(([first]) => first?.state),
    ['pending', 'succeeded'],
  );
  for await (const event of payee.events()) {
    assert.equal(event.type, 'paymentReceived');
    await event.ack();
    break;
  }
  await assert.rejects(payer.pay(invoice), { code: 'alreadyPaid' });
  assert.equal((await payer.payment(paymentHash)).direction, 'outbound');
});

test('an invoice is cancelled, and its metadata comes back', async () => {
  const [payer, payee] = [fakeWallet({ balanceMsat: 10_000n }), fakeWallet({ balanceMsat: 0n })];
  const { invoice, paymentHash } = await payee.receive({ amountMsat: 4_000n, metadata: { order: '17' } });
  assert.deepEqual((await payee.payment(paymentHash)).metadata, { order: '17' });
  await payee.cancelInvoice(paymentHash);
  const cancelled = await payee.payment(paymentHash);
  assert.ok(cancelled.state === 'failed' && cancelled.error.code === 'cancelled');
  await assert.rejects(payer.pay(invoice), { code: 'payeeRefused', outcome: 'notSent' });
  assert.equal((await payer.balance()).spendableMsat, 10_000n);
  await assert.rejects(payee.cancelInvoice(paymentHash), { code: 'invalidInput' });
  await assert.rejects(payee.receive({ metadata: { order: 17 } as never }), { code: 'invalidInput' });
});

test('it refuses what the real one refuses', async () => {
  const [payer, payee] = [fakeWallet({ balanceMsat: 10n }), fakeWallet()];
  const { invoice } = await payee.receive({ amountMsat: 4_000n });
  await assert.rejects(payer.pay(invoice), { code: 'insufficientBalance', outcome: 'notSent' });
  await assert.rejects(payee.pay(invoice), { code: 'invalidPaymentRequest' });
  await assert.rejects(payer.pay('lnbc1'), { code: 'invalidPaymentRequest' });
  await assert.rejects(payer.pay(invoice, { maxFee: 1n } as object), { code: 'invalidInput' });
  await assert.rejects(payer.pay((await payee.receive()).invoice), { code: 'amountMismatch' });
  await assert.rejects(payer.openChannel({ gateway: 'g', capacitySat: 1n }), { code: 'internal' });
  const rich = fakeWallet();
  rich.failNext('noRoute');
  await assert.rejects(rich.pay(invoice), { code: 'noRoute' });
  assert.equal((await rich.pay(invoice)).state, 'succeeded');
  await assert.rejects(payee.payFromOutside(invoice), { code: 'alreadyPaid' });
  assert.equal((await payee.payFromOutside((await payee.receive()).invoice, 5n)).amountMsat, 5n);
  await rich.close();
  await assert.rejects(rich.balance(), { code: 'closed' });
  assert.equal((await rich.ended).code, 'closed');
});

test('a paid fetch is tested with it, from end to end', async () => {
  const [payer, shop] = [fakeWallet(), fakeWallet()];
  const paid = paywall({
    invoices: walletInvoices(shop),
    secret: 's'.repeat(32),
    service: 'news',
    priceMsat: 10_000n,
    schemes: ['l402'],
  });
  const serve = paid(() => new Response('the article'));
  const fetch = payingFetch({
    payer: walletPayer(payer),
    store: new WalletStore(() => payer),
    maxCostMsat: 20_000n,
    fetch: (input, init) => serve(new Request(input, init)),
  });
  for (let round = 0; round < 2; round++)
    assert.equal(await (await fetch('https://news.example/today')).text(), 'the article');
  assert.equal((await shop.balance()).spendableMsat, 1_000_010_000n);
});
