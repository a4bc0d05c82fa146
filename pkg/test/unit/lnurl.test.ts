import { bech32, bech32m } from '@scure/base';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createCipheriv, createHash } from 'node:crypto';
import { test } from 'vitest';
import { descriptionHash } from '../../src/base/bolt11.ts';
import { lnurlTarget } from '../../src/sites/lnurl/service.ts';
import { Failure, turn } from './site-fakes.ts';
import { METADATA, payService } from './lnurl-fakes.ts';

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

/** The table that `crates/instructions` reads too: name, text, the address that is asked. */
const TABLE = readFileSync(new URL('../../../crates/instructions/tests/data/lnurl.tsv', import.meta.url), 'utf8');

test('LNURLs in all their forms lead to https, to an onion service or to this machine', () => {
  for (const line of TABLE.trimEnd().split('\n')) {
    const [name, escaped, url] = line.split('\t') as [string, string, string];
    const text = escaped.replace(/\\u\{([0-9a-f]+)\}/g, (_, code: string) => String.fromCodePoint(parseInt(code, 16)));
    if (url === 'refused') assert.throws(() => lnurlTarget(text), { name: 'InvalidDataError' }, name);
    else assert.equal(lnurlTarget(text).href, url, name);
  }
  // What a site hands over may be the address itself.
  assert.equal(lnurlTarget('https://domain.com/pay').href, 'https://domain.com/pay');
});

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
