import assert from 'node:assert/strict';
import { test } from 'vitest';
import { type Json } from '../../src/provider.ts';
import { FRAMED, Failure, SHOP, report, turn } from './site-fakes.ts';
import { budget, harness } from './site-harness.ts';

test('enable asks once for each site, and everything else waits for it', async () => {
  const { user, ok, fails, call, restart } = harness({ enabled: false });
  assert.equal(await ok('isEnabled'), false);
  for (const [method, params] of [
    ['getInfo', {}],
    ['sendPayment', { paymentRequest: 'lnbcrt1x' }],
    ['request', { method: 'stream.state' }],
  ] as const) {
    assert.match(await fails('RejectionError', method, params), /webln\.enable/);
  }
  assert.deepEqual(user.asked, []);
  const both = await Promise.all([call('enable'), call('enable')]);
  assert.deepEqual(
    both.map((reply) => reply.ok),
    [true, true],
  );
  assert.deepEqual(user.asked, [
    { kind: 'enable', site: { origin: 'https://shop.example', topLevel: 'https://shop.example' } },
  ]);
  restart();
  assert.equal(await ok('isEnabled'), true);
  await ok('enable');
  assert.equal(user.asked.length, 1);
  assert.equal(await ok('isEnabled', {}, FRAMED), false, 'the same site in a frame of another is another');
});

test('a user who says no is not asked over and over', async () => {
  const { user, fails, clock } = harness({ enabled: false });
  user.answer = () => ({ allowed: false });
  for (let time = 0; time < 10; time++) await fails('RejectionError', 'enable');
  assert.equal(user.asked.length, 3);
  clock.now += 30_000;
  await fails('RejectionError', 'enable');
  assert.equal(user.asked.length, 4);
});

test('opaque and insecure origins, other forms and unknown methods get nothing', async () => {
  const { user, fails, host } = harness();
  for (const origin of [
    'null',
    '',
    'http://shop.example',
    'file://',
    'chrome-extension://abc',
    'https://shop.example/',
    'https://user@shop.example',
    'about:blank',
  ]) {
    await fails('RejectionError', 'enable', {}, { ...SHOP, origin });
    await fails('RejectionError', 'enable', {}, { ...SHOP, topLevelOrigin: origin });
  }
  for (const method of [
    'openBudget',
    'setBudgetRules',
    'takeMnemonic',
    'constructor',
    '__proto__',
    'toString',
    'pay',
    '',
  ]) {
    await fails('UnsupportedMethodError', method, { holder: 'me' });
  }
  await fails('UnsupportedMethodError', 'request', { method: 'listchannels' });
  await fails('InvalidDataError', 'makeInvoice', { defaultMemo: 'x'.repeat(70_000) });
  for (const noise of [
    null,
    'hi',
    {},
    { amplet: 2, id: 1, method: 'getInfo' },
    { amplet: 1, id: 'x', method: 'getInfo' },
  ]) {
    assert.equal(await host.now.handle(SHOP, noise), null);
  }
  assert.deepEqual(user.asked, []);
});

test('who asks is what the browser says, whatever the message claims', async () => {
  const { wallet, user, call } = harness();
  budget(wallet, 1_000_000n);
  const forged = {
    amplet: 1,
    id: 1,
    method: 'sendPayment',
    params: { paymentRequest: wallet.issue(), origin: 'https://shop.example' },
  };
  const sender = { origin: 'https://evil.example', topLevelOrigin: 'https://evil.example', tabId: 9, frameId: 0 };
  await call('enable', { origin: 'https://shop.example' }, sender);
  assert.equal(user.asked[0]!.site.origin, 'https://evil.example');
  user.answer = () => ({ allowed: false });
  const reply = await call('sendPayment', { ...forged.params, sender: { origin: 'https://shop.example' } }, sender);
  assert.ok(!reply.ok);
  assert.equal(wallet.paid.length, 0);
});

test('questions of one page wait for each other, and of a storm only a few are put', async () => {
  const { wallet, user, call } = harness();
  const open: (() => void)[] = [];
  user.answer = () => new Promise((resolve) => open.push(() => resolve({ allowed: true })));
  const replies: boolean[] = [];
  for (let count = 0; count < 50; count++)
    void call('sendPayment', { paymentRequest: wallet.issue() }).then(({ ok }) => replies.push(ok));
  while (replies.length < 46) await turn();
  assert.ok(!replies.includes(true));
  for (let answered = 0; answered < 4; answered++) {
    while (open.length === answered) await turn();
    assert.equal(user.asked.length, answered + 1);
    open[answered]!();
  }
  while (replies.length < 50) await turn();
  assert.equal(replies.filter(Boolean).length, 4);
  assert.equal(user.mostAtOnce, 1);
});

test('a frame names both sites, and its questions go when it goes', async () => {
  const { wallet, user, call } = harness();
  const gone = new AbortController();
  user.answer = async () => {
    gone.abort();
    return { allowed: true };
  };
  const reply = await call('enable', {}, FRAMED, gone.signal);
  assert.ok(!reply.ok);
  assert.deepEqual(user.asked[0]!.site, { origin: 'https://shop.example', topLevel: 'https://evil.example' });
  assert.equal(wallet.paid.length, 0);
  const [, after] = [await call('enable', {}, FRAMED, gone.signal), user.asked.length];
  assert.equal(after, 1);
});

test('getInfo and getBalance: a site sees its budget, the wallet only when it may', async () => {
  const { wallet, user, ok, fails } = harness();
  const info = (await ok('getInfo')) as {
    node: { pubkey: string; alias: string; color: string };
    methods: string[];
    supports: string[];
    version: string;
  };
  assert.deepEqual(
    [info.node, info.supports, info.version],
    [{ alias: 'amplet', pubkey: `03${'ab'.repeat(32)}`, color: '#ababab' }, ['lightning'], '1.2.3'],
  );
  for (const method of [
    'enable',
    'sendPayment',
    'sendPaymentAsync',
    'keysend',
    'makeInvoice',
    'lnurl',
    'lookupInvoice',
    'signMessage',
    'verifyMessage',
    'getBalance',
    'request',
    'on',
  ]) {
    assert.ok(info.methods.includes(method), method);
  }
  assert.ok(!info.methods.includes('request.stream.start'), 'this wallet has no streams');
  user.answer = () => ({ allowed: false });
  await fails('RejectionError', 'getBalance');
  user.answer = () => ({ allowed: true, remember: true });
  assert.deepEqual(await ok('getBalance'), { balance: 5_000, currency: 'sats' });
  assert.deepEqual(await ok('getBalance'), { balance: 5_000, currency: 'sats' });
  budget(wallet, 12_345n);
  assert.deepEqual(await ok('getBalance'), { balance: 12, currency: 'sats' });
  assert.deepEqual(user.kinds, ['balance', 'balance']);
});

test('sendPayment takes an invoice with what sites put around it', async () => {
  for (const around of [
    (invoice: string) => `lightning://${invoice}`,
    (invoice: string) => `LIGHTNING: ${invoice}`,
    (invoice: string) => `lightning:lightning:${invoice}`,
    (invoice: string) => `\u200b${invoice}\u00a0`,
    (invoice: string) => `${invoice.slice(0, 9)}\n${invoice.slice(9)}\n`,
  ]) {
    const { wallet, user, ok } = harness();
    user.answer = () => ({ allowed: true });
    const invoice = wallet.issue();
    const { preimage } = (await ok('sendPayment', { paymentRequest: around(invoice) })) as { preimage: string };
    assert.equal(preimage, wallet.preimageOf(invoice), around('…'));
  }
});

test('makeInvoice: a fixed amount asks nobody, a range is for the user', async () => {
  const { wallet, user, ok, fails } = harness();
  const made = async (params: Json) =>
    wallet.invoices.get(((await ok('makeInvoice', params)) as { paymentRequest: string }).paymentRequest)!;
  for (const amount of [21, '21', ' 21 ', '21.0', '21.'])
    assert.equal((await made({ amount, defaultMemo: 'won' })).amountMsat, 21_000n);
  assert.deepEqual(user.asked, []);
  user.answer = () => ({ allowed: true, amountMsat: 3_000n });
  assert.equal((await made({ minimumAmount: 2, maximumAmount: '5', defaultAmount: 3 })).amountMsat, 3_000n);
  user.answer = () => ({ allowed: true });
  // Nothing, null and 0 in any form: the user chooses, also nothing.
  for (const none of [undefined, null, '', 0, '0', '0.0', '00']) {
    const before: number = user.asked.length;
    assert.equal((await made(none === undefined ? {} : { amount: none, defaultMemo: 'tip' })).amountMsat, null);
    assert.equal(user.asked.length, before + 1, String(none));
  }
  user.answer = () => ({ allowed: true, amountMsat: 50_000n });
  assert.equal((await made({ amount: null, minimumAmount: 10, maximumAmount: 100 })).amountMsat, 50_000n);
  user.answer = () => ({ allowed: true, amountMsat: 6_000n });
  await fails('InternalError', 'makeInvoice', { maximumAmount: 5 });
  for (const amount of [
    -1,
    1.5,
    99.6,
    '1e3',
    '0x10',
    'NaN',
    '1,000',
    '1 000',
    '.',
    2 ** 53,
    '21000000000000000',
    true,
    {},
  ])
    await fails('InvalidDataError', 'makeInvoice', { amount });
  await fails('InvalidDataError', 'makeInvoice', { minimumAmount: 5, maximumAmount: 4 });
  const mine = (await ok('makeInvoice', { amount: 1 })) as { paymentRequest: string; rHash: string };
  const { paymentRequest, rHash: paymentHash } = mine;
  assert.deepEqual(await ok('lookupInvoice', mine), { paymentRequest, paid: false });
  assert.equal(paymentHash, wallet.invoices.get(paymentRequest)!.paymentHash);
  wallet.mine.set(paymentHash, { ...wallet.mine.get(paymentHash)!, paid: true });
  assert.deepEqual(await ok('lookupInvoice', { paymentHash }), {
    paymentRequest,
    paid: true,
    preimage: wallet.preimageOf(paymentRequest),
  });
});

test('a site does not fill the wallet with invoices', async () => {
  const { ok, fails, clock } = harness();
  for (let count = 0; count < 60; count++) await ok('makeInvoice', { amount: 1 });
  await fails('RejectionError', 'makeInvoice', { amount: 1 });
  clock.now += 60_000;
  await ok('makeInvoice', { amount: 1 });
});

test('keysend: texts become records, the budget or the user allows it, and it is never sent on suspicion', async () => {
  const { wallet, user, ok, fails } = harness();
  const destination = `02${'AA'.repeat(32)}`;
  await ok('keysend', { destination, amount: '7', customRecords: { 696969: 'zoë' } });
  const [question] = user.asked;
  assert.ok(question?.kind === 'keysend');
  // As the engine quotes it.
  assert.deepEqual([question.amountMsat, question.expectedFeeMsat, question.maxFeeMsat], [7_000n, 1_000n, 2_000n]);
  const [sent] = wallet.sent;
  assert.deepEqual(
    [sent!.payee, sent!.records, sent!.authorization.approvedMsat],
    [destination.toLowerCase(), [{ type: 696969n, value: Buffer.from('zoë').toString('hex') }], 9_000n],
  );
  budget(wallet, 1_000_000n);
  wallet.ends = [() => new Failure('walletCrashed')];
  assert.match(await fails('ConnectionError', 'keysend', { destination, amount: 7 }), /Do not ask again/);
  wallet.ends = [() => ({ state: 'pending' })];
  await fails('ConnectionError', 'keysend', { destination, amount: 7 });
  // What never began may be asked for again.
  wallet.ends = [() => Object.assign(new Failure('closed'), { outcome: 'notSent' })];
  assert.doesNotMatch(await fails('ConnectionError', 'keysend', { destination, amount: 7 }), /Do not ask again/);
  wallet.ends = [() => new Failure('noRoute')];
  await fails('RoutingError', 'keysend', { destination, amount: 7 });
  for (const bad of [
    { destination: '02', amount: 7 },
    { destination, amount: 0 },
  ]) {
    await fails('InvalidDataError', 'keysend', bad);
  }
});

test('signMessage asks each time; verifyMessage shows the user who signed', async () => {
  const { user, ok, fails } = harness();
  assert.match(JSON.stringify(await ok('signMessage', { message: 'I am me' })), /"message":"I am me","signature":"d9t/);
  await ok('signMessage', { message: 'I am me' });
  assert.equal(await ok('verifyMessage', { message: 'x', signature: 'good' }), null);
  await fails('InvalidDataError', 'verifyMessage', { message: 'x', signature: 'bad' });
  assert.deepEqual(user.kinds, ['signMessage', 'signMessage', 'verifyMessage', 'verifyMessage']);
  user.answer = () => ({ allowed: false });
  await fails('RejectionError', 'signMessage', { message: 'I am me' });
  await fails('InvalidDataError', 'signMessage', { message: '' });
});

test("streams go to the wallet as this site's, and to the user when the budget does not allow them", async () => {
  const { wallet, user, ok, fails } = harness();
  const asked: unknown[] = [];
  let refuses = true;
  const streams = {
    start: async (request: { authorization: unknown }) => {
      if (refuses) throw new Failure('approvalNeeded');
      asked.push(request);
      return report();
    },
    add: async (...call: unknown[]) => (asked.push(call), report({ owedMsat: '5' })),
    control: async (...call: unknown[]) => (asked.push(call), report({ state: 'stopped' })),
    state: async () => Promise.reject(new Failure('invalidInput')),
    watch: () => () => {},
  };
  Object.assign(wallet, { streams });
  user.answer = () => {
    refuses = false;
    return { allowed: true };
  };
  const start = { nodeId: `02${'11'.repeat(32)}`, sessionId: 'film', ratePerSecondMsat: '1500', creditMsat: 30_000 };
  assert.deepEqual(await ok('request', { method: 'stream.start', params: start }), report());
  assert.deepEqual(user.kinds, ['stream']);
  await ok('request', { method: 'stream.add', params: { streamId: 's1', units: 3 } });
  assert.deepEqual(
    await ok('request', { method: 'stream.stop', params: { streamId: 's1' } }),
    report({ state: 'stopped' }),
  );
  const site = { origin: 'https://shop.example', topLevel: 'https://shop.example' };
  const sent = {
    nodeId: start.nodeId,
    sessionId: 'film',
    ratePerSecondMsat: 1500n,
    perUnitMsat: 0n,
    creditMsat: 30_000n,
  };
  assert.deepEqual(asked, [
    { ...sent, authorization: { holder: { kind: 'site', ...site }, purpose: 'stream' } },
    [site, 's1', 3],
    [site, 's1', 'stop'],
  ]);
  await fails('InvalidDataError', 'request', { method: 'stream.state', params: { streamId: "another site's" } });
  for (const bad of [
    { ...start, creditMsat: 0 },
    { ...start, ratePerSecondMsat: 0 },
    { ...start, sessionId: 'ä'.repeat(40) },
    { ...start, nodeId: 'x' },
    { ...start, creditMsat: '1.5' },
  ]) {
    await fails('InvalidDataError', 'request', { method: 'stream.start', params: bad });
  }
});

test('what is noted of invoices does not grow without end, and no site pushes out what is noted of another', async () => {
  const { wallet, store, ok } = harness();
  budget(wallet, 10n ** 12n);
  const note = (at: number, site: string) =>
    store.all.set(`sent/${at} ${site} ${site}`, JSON.stringify({ version: 1, invoice: '', at }));
  note(0, 'https://quiet.example');
  for (let at = 1; at < 2_300; at++) note(at, 'https://shop.example');
  await ok('sendPayment', { paymentRequest: wallet.issue() });
  const left = await store.keys('sent/');
  assert.ok(left.length <= 1_002, `${left.length}`);
  assert.ok(left.includes('sent/0 https://quiet.example https://quiet.example'));
  assert.ok(!left.includes('sent/1 https://shop.example https://shop.example'), 'its oldest goes');
  for (let site = 0; site < 9; site++) for (let at = 1; at < 900; at++) note(at, `https://s${site}.example`);
  for (let more = 0; more < 100; more++) await ok('sendPayment', { paymentRequest: wallet.issue() });
  assert.ok((await store.keys('sent/')).length <= 4_101);
});
