import { bech32, bech32m } from '@scure/base';
import assert from 'node:assert/strict';
import { createCipheriv, createHash } from 'node:crypto';
import { test } from 'vitest';
import { descriptionHash } from '../../src/sites/lnurl/bolt11.ts';
import { lnurlTarget } from '../../src/sites/lnurl/service.ts';
import { type InvoiceDetails, type Json, SiteHost } from '../../src/provider.ts';
import { Failure, FakeStore, FakeWallet, NOW, User, SHOP, turn } from './site-fakes.ts';

// The examples of LUD-01 and BOLT 11.
const LUD_01 =
  'LNURL1DP68GURN8GHJ7UM9WFMXJCM99E3K7MF0V9CXJ0M385EKVCENXC6R2C35XVUKXEFCV5MKVV34X5EKZD3EV56NYD3HXQURZEPEXEJXXEPNXSCRVWFNV9NXZCN9XQ6XYEFHVGCXXCMYXYMNSERXFQ5FNS';
const BOLT_11_HASHED =
  'lnbc20m1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqhp58yjmdan79s6qqdhdzgynm4zwqd5d7xmw5fk98klysy043l2ahrqs9qrsgq7ea976txfraylvgzuxs8kgcw23ezlrszfnh8r6qtfpr6cxga50aj6txm9rxrydzd06dfeawfk6swupvz4erwnyutnjq7x39ymw6j38gp7ynn44';
const BOLT_11_PLAIN =
  'lnbc1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdpl2pkx2ctnv5sxxmmwwd5kgetjypeh2ursdae8g6twvus8g6rfwvs8qun0dfjkxaq9qrsgq357wnc5r2ueh7ck6q93dj32dlqnls087fxdwk8qakdyafkq3yap9us6v52vjjsrvywa6rt52cm9r9zqt8r2t7mlcwspyetp5h2tztugp9lfyql';
const HASH = createHash('sha256')
  .update(
    'One piece of chocolate cake, one icecream cone, one pickle, one slice of swiss cheese, one slice of salami, one lollypop, one piece of cherry pie, one sausage, one cupcake, and one slice of watermelon',
  )
  .digest('hex');

test('bech32: the examples of LUD-01 and BOLT 11', () => {
  const url = 'https://service.com/api?q=3fc3645b439ce8e7f2553a69e5267081d96dcd340693afabe04be7b0ccd178df';
  assert.equal(lnurlTarget(LUD_01).href, url);
  for (const bad of [
    '',
    '1',
    'lnurl1',
    `${LUD_01.slice(0, -1)}Q`,
    LUD_01.replace('LNURL', 'lnurl'),
    `${LUD_01}B`,
    'lnurl1\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9',
  ]) {
    assert.throws(() => lnurlTarget(bad), { name: 'InvalidDataError' }, bad);
    assert.equal(descriptionHash(bad), null, bad);
  }
  assert.equal(lnurlTarget(LUD_01.toLowerCase()).href, url);
  // Another prefix, another checksum: neither leads anywhere.
  const { words } = bech32.decode(LUD_01 as `LNURL1${string}`, false);
  for (const other of [bech32.encode('lnurx', words, false), bech32m.encode('lnurl', words, false)]) {
    assert.throws(() => lnurlTarget(other), { name: 'InvalidDataError' }, other);
  }
  assert.equal(descriptionHash(BOLT_11_HASHED), HASH);
  assert.equal(descriptionHash(BOLT_11_PLAIN), null);
  assert.equal(descriptionHash('lnbc1'), null);
});

test('LNURLs in all their forms lead to https or to an onion service', () => {
  const onion = `${'a'.repeat(56)}.onion`;
  const leads: [string, string][] = [
    [
      `lightning:${LUD_01}`,
      'https://service.com/api?q=3fc3645b439ce8e7f2553a69e5267081d96dcd340693afabe04be7b0ccd178df',
    ],
    ['satoshi@Bitcoin.org', 'https://bitcoin.org/.well-known/lnurlp/satoshi'],
    ['a+tips@shop.example', 'https://shop.example/.well-known/lnurlp/a+tips'],
    [`me@${onion}`, `http://${onion}/.well-known/lnurlp/me`],
    ['lnurlp://domain.com/path?x=1', 'https://domain.com/path?x=1'],
    ['keyauth:domain.com/login?tag=login', 'https://domain.com/login?tag=login'],
    [`lnurlw://${onion}/w`, `http://${onion}/w`],
    ['https://domain.com/pay', 'https://domain.com/pay'],
    [
      `https://shop.example/card?id=1&lightning=${LUD_01}`,
      'https://service.com/api?q=3fc3645b439ce8e7f2553a69e5267081d96dcd340693afabe04be7b0ccd178df',
    ],
    [
      `lightning://${LUD_01.toLowerCase()}`,
      'https://service.com/api?q=3fc3645b439ce8e7f2553a69e5267081d96dcd340693afabe04be7b0ccd178df',
    ],
  ];
  for (const [text, url] of leads) assert.equal(lnurlTarget(text).href, url);
  for (const bad of [
    '',
    'hello',
    'http://domain.com/',
    'https://me:pw@domain.com/',
    'ftp://x',
    'javascript:alert(1)',
    'a b@c.d',
    BOLT_11_PLAIN,
  ]) {
    assert.throws(() => lnurlTarget(bad), { name: 'InvalidDataError' }, bad);
  }
});

/** A host whose net is `answers`: URL without query to what is sent. */
function world(answers: Record<string, (url: URL) => unknown>) {
  const wallet = new FakeWallet();
  const user = new User();
  const store = new FakeStore();
  store.all.set('grant/https://shop.example https://shop.example', '{"version":1,"balance":false}');
  const asked: URL[] = [];
  const fetch: typeof globalThis.fetch = async (input, init) => {
    assert.equal(init?.credentials, 'omit');
    const url = new URL(String(input));
    asked.push(url);
    const answer = answers[`${url.origin}${url.pathname}`];
    if (!answer) throw new TypeError('no such host');
    const body = answer(url);
    return new Response(typeof body === 'string' ? body : JSON.stringify(body), { status: 500 });
  };
  const restart = () => new SiteHost({ wallet, ask: user.ask, store, version: '1', fetch, now: () => NOW });
  const host = restart();
  const run = async (lnurl: string): Promise<Json> => {
    const reply = await host.handle(SHOP, { amplet: 1, id: 1, method: 'lnurl', params: { lnurl } });
    return reply!.ok ? reply!.result : { error: reply!.error.name };
  };
  return { wallet, user, store, asked, run, answers, restart };
}

const METADATA = '[["text/plain","a tip for Zo\u00eb"],["image/png;base64","AA=="]]';

interface Service {
  readonly min?: unknown;
  readonly max?: unknown;
  readonly metadata?: string;
  readonly payerData?: unknown;
  /** What comes with the invoice. */
  readonly more?: (invoice: string) => object;
}

function payService({ min = 1_000, max = 9_000, metadata = METADATA, payerData, more = () => ({}) }: Service = {}) {
  const invoices: { from: (amountMsat: bigint) => Partial<InvoiceDetails> } = { from: () => ({}) };
  const all = world({
    'https://tips.example/.well-known/lnurlp/zoe': () => ({
      tag: 'payRequest',
      callback: 'https://tips.example/pay?user=zoe',
      minSendable: min,
      maxSendable: max,
      metadata,
      commentAllowed: 5,
      payerData,
    }),
    'https://tips.example/pay': (url) => {
      const amountMsat = BigInt(url.searchParams.get('amount')!);
      const pr = all.wallet.issue(amountMsat, invoices.from(amountMsat));
      return { pr, routes: [], ...more(pr) };
    },
  });
  return { ...all, invoices };
}

test('LNURL-pay: the user chooses, and what was chosen is paid', async () => {
  const { wallet, user, asked, run } = payService();
  user.answer = (question) =>
    question.kind === 'lnurlPay'
      ? { allowed: true, amountMsat: 4_000n, comment: 'thanks!', approvedMsat: 4_500n }
      : { allowed: false };
  const result = (await run('zoe@tips.example')) as { status: string; data: Record<string, string> };
  const [paid] = wallet.paid;
  assert.deepEqual([paid!.amountMsat, paid!.maxFeeMsat, paid!.authorization.approvedMsat], [4_000n, 500n, 4_500n]);
  const details = wallet.invoices.get(paid!.invoice)!;
  assert.deepEqual(result, {
    status: 'OK',
    data: {
      preimage: wallet.preimageOf(paid!.invoice),
      paymentHash: details.paymentHash,
      paymentRequest: paid!.invoice,
    },
  });
  assert.equal(asked[1]!.search, '?user=zoe&amount=4000&comment=thank');
  assert.deepEqual(user.asked, [
    {
      kind: 'lnurlPay',
      site: { origin: 'https://shop.example', topLevel: 'https://shop.example' },
      domain: 'tips.example',
      text: 'a tip for Zo\u00eb',
      commentLength: 5,
      payer: [],
      minMsat: 1_000n,
      maxMsat: 9_000n,
    },
  ]);
});

test('LNURL-pay: with a budget and a fixed price nobody is asked', async () => {
  const { wallet, user, run } = payService({ min: 5_000, max: 5_000 });
  wallet.budgets.set('https://shop.example https://shop.example', 100_000n);
  assert.equal(((await run('zoe@tips.example')) as { status: string }).status, 'OK');
  assert.deepEqual(user.asked, []);
});

test('LNURL-pay: another amount, another purpose, amounts outside the range are not paid', async () => {
  const other = payService({ min: 5_000, max: 5_000 });
  other.invoices.from = () => ({ amountMsat: 5_001n });
  assert.deepEqual(await other.run('zoe@tips.example'), { error: 'InvalidDataError' });
  const swapped = payService({ min: 5_000, max: 5_000 });
  swapped.invoices.from = () => ({ invoice: BOLT_11_HASHED });
  assert.deepEqual(await swapped.run('zoe@tips.example'), { error: 'InvalidDataError' });
  const chosen = payService();
  chosen.user.answer = () => ({ allowed: true, amountMsat: 9_001n });
  assert.deepEqual(await chosen.run('zoe@tips.example'), { error: 'InternalError' });
  const dearer = payService();
  dearer.user.answer = () => ({ allowed: true, amountMsat: 4_000n, approvedMsat: 3_999n });
  assert.deepEqual(await dearer.run('zoe@tips.example'), { error: 'InvalidDataError' });
  for (const { wallet } of [other, swapped, chosen, dearer]) assert.equal(wallet.paid.length, 0);
});

/** An invoice, unsigned, with a hash for its description. */
function committing(hashHex: string): string {
  const alphabet = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
  const bits = Array.from(Buffer.from(hashHex, 'hex'), (byte) => byte.toString(2).padStart(8, '0'))
    .join('')
    .padEnd(260, '0');
  const words = [
    ...Array<number>(7).fill(0),
    23,
    1,
    20,
    ...bits.match(/.{5}/g)!.map((five) => Number.parseInt(five, 2)),
    ...Array<number>(104).fill(0),
  ];
  const generator = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];
  const prefix = [3, 3, 3, 3, 0, 12, 14, 2, 3]; // lnbc
  const sum =
    [...prefix, ...words, 0, 0, 0, 0, 0, 0].reduce((old, word) => {
      const next = ((old & 0x1ffffff) << 5) ^ word;
      return generator.reduce((part, term, bit) => (((old >> 25) >> bit) & 1 ? part ^ term : part), next);
    }, 1) ^ 1;
  const checksum = [25, 20, 15, 10, 5, 0].map((shift) => (sum >> shift) & 31);
  return `lnbc1${[...words, ...checksum].map((word) => alphabet[word]).join('')}`;
}

test('LNURL-pay: what an invoice commits to is the metadata, or nothing', async () => {
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
  for (const [invoice, status] of [
    [committing(sha256(METADATA)), 'OK'],
    [BOLT_11_PLAIN, 'OK'],
    [committing(sha256(`${METADATA} `)), undefined],
  ] as const) {
    const { run, invoices, wallet } = payService({ min: 5_000, max: 5_000 });
    invoices.from = () => ({ invoice });
    const result = (await run('zoe@tips.example')) as { status?: string };
    assert.deepEqual([result.status, wallet.paid.length], [status, status ? 1 : 0]);
  }
});

/** Seals as LUD-10 has it: AES-CBC with the preimage as its key. */
function sealed(text: string, preimage: string): object {
  const iv = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
  const cipher = createCipheriv('aes-256-cbc', Buffer.from(preimage, 'hex'), iv);
  const ciphertext = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]).toString('base64');
  return { tag: 'aes', description: 'your code', iv: iv.toString('base64'), ciphertext };
}

test('LNURL-pay: what the money brings is shown to the user, and what cannot be shown is not paid for', async () => {
  const preimageOf = (invoice: string) => invoice.slice('lnbcrt1'.length);
  const shown: [(invoice: string) => unknown, object][] = [
    [() => ({ tag: 'message', message: 'Thank you!' }), { text: 'Thank you!', secret: null, url: null }],
    [
      () => ({ tag: 'url', description: 'your order', url: 'https://tips.example/order/1' }),
      { text: 'your order', secret: null, url: 'https://tips.example/order/1' },
    ],
    [(invoice) => sealed('42 \u2713', preimageOf(invoice)), { text: 'your code', secret: '42 \u2713', url: null }],
    [() => sealed('42', 'ab'.repeat(32)), { text: 'your code', secret: '', url: null }],
  ];
  for (const [successAction, told] of shown) {
    const { wallet, user, run } = payService({
      min: 5_000,
      max: 5_000,
      more: (invoice) => ({ successAction: successAction(invoice) }),
    });
    wallet.budgets.set('https://shop.example https://shop.example', 100_000n);
    const result = (await run('zoe@tips.example')) as { status: string; data: { successAction: { tag: string } } };
    assert.equal(result.status, 'OK');
    assert.equal(typeof result.data.successAction.tag, 'string');
    while (user.asked.length === 0) await turn();
    const site = { origin: 'https://shop.example', topLevel: 'https://shop.example' };
    assert.deepEqual(user.asked, [{ kind: 'lnurlSuccess', site, domain: 'tips.example', ...told }]);
  }
  for (const successAction of [
    { tag: 'dance' },
    'message',
    { tag: 'message' },
    { tag: 'url', description: 'x', url: 'https://elsewhere.example/' },
    { tag: 'url', description: 'x', url: 'javascript:alert(1)' },
    { tag: 'aes', description: 'x', iv: 'AAAA', ciphertext: 'AAAAAAAAAAAAAAAAAAAAAA==' },
    { tag: 'aes', description: 'x', iv: 'AAAAAAAAAAAAAAAAAAAAAA==', ciphertext: 'AAAA' },
  ]) {
    const { wallet, run } = payService({ min: 5_000, max: 5_000, more: () => ({ successAction }) });
    assert.deepEqual(await run('zoe@tips.example'), { error: 'InvalidDataError' }, JSON.stringify(successAction));
    assert.equal(wallet.paid.length, 0);
  }
});

test('LNURL-pay: who dies before it is shown shows it at the next start; what was not paid is not shown', async () => {
  const successAction = { tag: 'message', message: 'Thank you!' };
  const { wallet, user, run, store, restart } = payService({ min: 5_000, max: 5_000, more: () => ({ successAction }) });
  wallet.budgets.set('https://shop.example https://shop.example', 100_000n);
  wallet.ends = [() => ({ state: 'pending' }), () => new Failure('noRoute')];
  void run('zoe@tips.example');
  while (wallet.paid.length === 0) await turn();
  assert.deepEqual(await run('zoe@tips.example'), { error: 'RoutingError' });
  const promised = () => [...store.all.keys()].filter((key) => key.startsWith('promised/'));
  assert.equal(promised().length, 1);
  const host = restart();
  await host.resume();
  assert.deepEqual([user.asked, promised().length], [[], 1], 'it is not decided yet');
  const { invoice } = wallet.paid[0]!;
  wallet.outcomes.set(wallet.invoices.get(invoice)!.paymentHash, {
    state: 'succeeded',
    preimage: wallet.preimageOf(invoice),
  });
  await restart().resume();
  assert.deepEqual([user.kinds, promised()], [['lnurlSuccess'], []]);
});

test('LNURL-pay: what the service wants to know of the payer is told by the user, and the invoice commits to it', async () => {
  const k1 = 'cd'.repeat(32);
  const payerData = {
    name: { mandatory: true },
    email: { mandatory: false },
    pubkey: { mandatory: false },
    auth: { mandatory: true, k1 },
  };
  const known = payService({ min: 5_000, max: 5_000, payerData });
  Object.assign(known.wallet, { lnurlAuth: async ({ domain }: { domain: string }) => ({ key: domain, sig: '30' }) });
  const told = JSON.stringify({ name: 'Zo\u00eb', auth: { key: 'tips.example', sig: '30', k1 } });
  known.invoices.from = () => ({
    invoice: committing(createHash('sha256').update(`${METADATA}${told}`).digest('hex')),
  });
  known.user.answer = () => ({ allowed: true, amountMsat: 5_000n, payer: { name: ' Zo\u00eb ' } });
  assert.equal(((await known.run('zoe@tips.example')) as { status: string }).status, 'OK');
  assert.equal(known.asked[1]!.searchParams.get('payerdata'), told);
  const [question] = known.user.asked;
  assert.ok(question?.kind === 'lnurlPay');
  assert.deepEqual(question.payer, [
    { field: 'name', mandatory: true },
    { field: 'email', mandatory: false },
    { field: 'login', mandatory: true },
  ]);
  // Told nothing, or asked for what nobody can tell: nothing is paid.
  known.user.answer = () => ({ allowed: true, amountMsat: 5_000n });
  assert.deepEqual(await known.run('zoe@tips.example'), { error: 'InvalidDataError' });
  for (const asked of [
    { pubkey: { mandatory: true } },
    { shoeSize: { mandatory: true } },
    { auth: { mandatory: true } },
  ]) {
    const { run, wallet } = payService({ payerData: asked });
    assert.deepEqual(await run('zoe@tips.example'), { error: 'InvalidDataError' });
    assert.equal(wallet.paid.length, 0);
  }
  assert.equal(known.wallet.paid.length, 1);
  // What may be left out is left out where nobody is asked.
  const silent = payService({
    min: 5_000,
    max: 5_000,
    payerData: { name: { mandatory: false }, auth: { mandatory: false, k1 } },
  });
  silent.wallet.budgets.set('https://shop.example https://shop.example', 100_000n);
  assert.equal(((await silent.run('zoe@tips.example')) as { status: string }).status, 'OK');
  assert.deepEqual([silent.asked[1]!.searchParams.get('payerdata'), silent.user.asked], [null, []]);
});

test('services that make no sense are refused, and their own errors handed on', async () => {
  for (const broken of [
    { min: 10, max: 5 },
    { min: 'x' },
    { max: 0 },
    { min: -1 },
    { min: 0.5 },
    { metadata: 'no JSON' },
    { metadata: '[]' },
  ]) {
    const { run, wallet } = payService(broken);
    assert.deepEqual(await run('zoe@tips.example'), { error: 'InvalidDataError' }, JSON.stringify(broken));
    assert.equal(wallet.paid.length, 0);
  }
  const answers: [unknown, Json][] = [
    [
      { status: 'ERROR', reason: 'closed' },
      { status: 'ERROR', reason: 'closed' },
    ],
    [{ tag: 'channelRequest' }, { error: 'UnsupportedMethodError' }],
    [{ tag: 'other' }, { error: 'InvalidDataError' }],
    ['<html>', { error: 'ConnectionError' }],
    ['[]', { error: 'ConnectionError' }],
    [`"${'x'.repeat(600_000)}"`, { error: 'ConnectionError' }],
    [
      { tag: 'payRequest', callback: 'http://tips.example/', minSendable: 1, maxSendable: 2, metadata: METADATA },
      { error: 'InvalidDataError' },
    ],
    [
      { tag: 'payRequest', callback: 'http://127.0.0.1:8080/', minSendable: 1, maxSendable: 2, metadata: METADATA },
      { error: 'InvalidDataError' },
    ],
  ];
  for (const [answer, result] of answers)
    assert.deepEqual(await world({ 'https://x.example/': () => answer }).run('https://x.example/'), result);
  assert.deepEqual(await world({}).run('https://x.example/'), { error: 'ConnectionError' });
  const { run, asked } = world({});
  assert.deepEqual(await run('lnurlp://127.0.0.1:8080/'), { error: 'InvalidDataError' });
  assert.equal(asked.length, 0, 'a page does not make the wallet ask this machine');
});

test('LNURL-withdraw: the user allows it, and the service gets an invoice', async () => {
  const { wallet, user, asked, run } = world({
    'https://win.example/w': () => ({
      tag: 'withdrawRequest',
      callback: 'https://win.example/cb',
      k1: 'k',
      defaultDescription: 'prize',
      minWithdrawable: 0,
      maxWithdrawable: 8_000,
    }),
    'https://win.example/cb': () => ({ status: 'OK' }),
  });
  assert.deepEqual(await run('lnurlw://win.example/w'), { status: 'OK' });
  const invoice = asked[1]!.searchParams.get('pr')!;
  assert.deepEqual([wallet.invoices.get(invoice)!.amountMsat, asked[1]!.searchParams.get('k1')], [8_000n, 'k']);
  assert.deepEqual(user.kinds, ['lnurlWithdraw']);
});

test('LNURL-withdraw: a PIN is asked for from the amount on that the service names, and nothing is nothing', async () => {
  const withdraw = {
    tag: 'withdrawRequest',
    callback: 'https://win.example/cb',
    k1: 'k',
    minWithdrawable: 1_000,
    maxWithdrawable: 8_000,
    pinLimit: 5_000,
  };
  const { user, asked, run } = world({
    'https://win.example/w': () => withdraw,
    'https://win.example/cb': () => ({ status: 'OK' }),
  });
  const pins: [bigint, string | undefined, object, string | null][] = [
    [4_999n, undefined, { status: 'OK' }, null],
    [5_000n, '1234', { status: 'OK' }, '1234'],
    [5_000n, undefined, { error: 'InvalidDataError' }, null],
    [5_000n, '12 4', { error: 'InvalidDataError' }, null],
  ];
  for (const [amountMsat, pin, result, sent] of pins) {
    asked.length = 0;
    user.answer = (question) => {
      assert.ok(question.kind === 'lnurlWithdraw' && question.pinFromMsat === 5_000n);
      return { allowed: true, amountMsat, ...(pin === undefined ? {} : { pin }) };
    };
    assert.deepEqual(await run('lnurlw://win.example/w'), result);
    assert.equal(asked[1]?.searchParams.get('pin') ?? null, sent);
  }
  const empty = world({ 'https://win.example/w': () => ({ ...withdraw, minWithdrawable: 0, maxWithdrawable: 0 }) });
  assert.deepEqual(await empty.run('lnurlw://win.example/w'), { error: 'InvalidDataError' });
  assert.deepEqual(empty.user.asked, []);
});

test('LNURL-auth: the domain is named, a login elsewhere is marked, and without keys it is refused', async () => {
  const k1 = 'ab'.repeat(32);
  const login = `https://auth.shop.example/in?tag=login&k1=${k1}&action=register`;
  const answers = {
    'https://auth.shop.example/in': () => ({ status: 'OK' }),
    'https://bank.example/in': () => ({ status: 'OK' }),
  };
  const without = world(answers);
  assert.deepEqual(await without.run(login), { error: 'UnsupportedMethodError' });
  assert.deepEqual(without.asked, []);
  const { wallet, user, asked, run } = world(answers);
  Object.assign(wallet, {
    lnurlAuth: async ({ domain }: { domain: string }) => ({ key: `key of ${domain}`, sig: '30' }),
  });
  assert.deepEqual(await run(login), { status: 'OK', data: { message: k1, signature: '30' } });
  assert.equal(asked[0]!.searchParams.get('key'), 'key of auth.shop.example');
  await run(login.replace('auth.shop.example', 'bank.example'));
  assert.deepEqual(
    user.asked.map((question) => question.kind === 'lnurlAuth' && [question.domain, question.action, question.foreign]),
    [
      ['auth.shop.example', 'register', false],
      ['bank.example', 'register', true],
    ],
  );
  for (const bad of [login.replace(k1, 'ab'), login.replace('register', 'transfer')])
    assert.deepEqual(await run(bad), { error: 'InvalidDataError' });
});
