import assert from 'node:assert/strict';
import { test } from 'vitest';
import { WalletError } from '../../src/base/error.ts';
import { type PaidFetchError, authorization, chooseChallenge, readChallenges } from '../../src/provider.ts';
import { base64url, charging, fails, selling } from './fetch-fakes.ts';

test('headers with several challenges are read, in whatever form they come', () => {
  const read = (header: string) =>
    readChallenges(header).map(({ scheme, params }) => [scheme, Object.fromEntries(params)]);
  assert.deepEqual(read('L402 macaroon="a\\"b=", invoice="lnbc1", LSAT macaroon=xyz,invoice=lnbc2'), [
    ['l402', { macaroon: 'a"b=', invoice: 'lnbc1' }],
    ['lsat', { macaroon: 'xyz', invoice: 'lnbc2' }],
  ]);
  assert.deepEqual(read('Negotiate, Basic realm = "x" , Digest YWJj=='), [
    ['negotiate', {}],
    ['basic', { realm: 'x' }],
    ['digest', {}],
  ]);
  assert.deepEqual(read('L402 token=a, token=b'), []);
  assert.deepEqual(read(''), []);
  assert.deepEqual(read('"'), []);
  assert.deepEqual(read(`L402 token="${'a'.repeat(40_000)}"`), []);
  // Base64 without quotes is read whole, or not at all: half of it would be paid for in vain.
  assert.deepEqual(read('L402 macaroon=Ag/E+x==,  Invoice=lnbc1\t,L402 token=ab;c'), [
    ['l402', { macaroon: 'Ag/E+x==', invoice: 'lnbc1' }],
  ]);
  assert.deepEqual(read('Basic realm="x", L402 token="a", invoice=@'), [['basic', { realm: 'x' }]]);
  // As @getalby/lightning-tools writes it, and as aperture does.
  assert.deepEqual(read('L402 version="0" token="a.b", invoice="lnbc1"'), [
    ['l402', { version: '0', token: 'a.b', invoice: 'lnbc1' }],
  ]);
  assert.deepEqual(
    read('LSAT macaroon="AGIAJEemVQ==", invoice="lnbc1", L402 macaroon="AGIAJEemVQ==", invoice="lnbc1"').map(
      ([scheme]) => scheme,
    ),
    ['lsat', 'l402'],
  );
});

test('no header makes the reader hang or throw', () => {
  const alphabet = ['L402', 'token', '=', '"', '\\', ',', ' ', 'a', '\t', '==', '\u00e9'];
  let seed = 1;
  const next = () => (seed = (seed * 48_271) % 2_147_483_647);
  for (let round = 0; round < 5_000; round++) {
    const header = Array.from({ length: next() % 24 }, () => alphabet[next() % alphabet.length]).join('');
    for (const { scheme } of readChallenges(header)) assert.match(scheme, /^\S+$/);
  }
});

test('L402 goes before LSAT, and what cannot be met is named', () => {
  const both = 'LSAT macaroon="old", invoice="i", L402 token="new", invoice="i"';
  assert.deepEqual(chooseChallenge(both), { kind: 'l402', scheme: 'L402', token: 'new', invoice: 'i' });
  for (const bad of [
    '',
    'Basic realm="x"',
    'L402 version="1", token="t", invoice="i"',
    'L402 token="t"',
    'L402 token="a b", invoice="i"',
  ]) {
    assert.throws(() => chooseChallenge(bad), fails('badChallenge'));
  }
  // What makes no sense is passed over when there is something that does.
  const charge = `Payment id="1", realm="r", method="lightning", intent="charge", request="${base64url({ amount: '1', currency: 'sat', methodDetails: { invoice: 'i' } })}"`;
  const other = charge.replace('"lightning"', '"tempo"');
  for (const [header, kind] of [
    [`L402 version="7", token="t", invoice="i", ${charge}`, 'charge'],
    [`${other}, ${charge.replace('realm="r"', 'realm=""')}, ${charge}`, 'charge'],
    [`${charge}, L402 token="t", invoice="i"`, 'l402'],
    ['L402 token="t", L402 token="t", invoice="i"', 'l402'],
  ] as const)
    assert.equal(chooseChallenge(header).kind, kind, header);
  assert.equal(authorization(chooseChallenge('lsat macaroon="m=", invoice="i"'), 'ab'), 'LSAT m=:ab');
});

for (const scheme of ['L402', 'LSAT']) {
  test(`${scheme}: paid once, used again for its origin`, async () => {
    const { payer, paying, seen, store } = selling({ scheme });
    const response = await paying('https://news.example/1', { method: 'POST', body: 'question' });
    assert.equal(await response.text(), 'the article');
    assert.equal(await (await paying('https://news.example/2')).text(), 'the article');
    assert.deepEqual(
      payer.paid.map(({ origin }) => origin),
      ['https://news.example'],
    );
    assert.match(seen[1]!.authorization!, new RegExp(`^${scheme} mac0==:[0-9a-f]{64}$`));
    assert.deepEqual(
      seen.map(({ body }) => body),
      ['question', 'question', ''],
    );
    assert.equal(seen.length, 3, 'the second page needs no 402');
    await paying('https://other.example/');
    assert.equal(payer.paid.length, 2, 'another origin gets nothing of it');
    assert.deepEqual([...store.all.keys()], ['credential/https://news.example', 'credential/https://other.example']);
  });
}

test('a hundred requests at once buy one credential', async () => {
  const { payer, paying } = selling();
  const answers = await Promise.all(Array.from({ length: 100 }, (_, n) => paying(`https://news.example/${n}`)));
  assert.ok(answers.every((answer) => answer.status === 200));
  assert.equal(payer.paid.length, 1);
});

test('a price above what is allowed is not paid, also not when it rises later', async () => {
  const { payer, paying, shop, store } = selling();
  await paying('https://news.example/');
  shop.revoked.add('mac0==');
  shop.price = 20_001n;
  await assert.rejects(paying('https://news.example/'), fails('tooExpensive'));
  assert.equal(payer.paid.length, 1);
  shop.price = 20_000n;
  assert.equal((await paying('https://news.example/')).status, 200);
  assert.equal(payer.paid.length, 2);
  assert.equal(store.all.size, 1);
});

for (const [name, shop] of [
  ['L402', selling],
  ['a charge', charging],
] as const) {
  test(`${name}: who died after paying finds the payment and its proof, and does not pay again`, async () => {
    const { payer, paying, restart, receipts } = shop();
    payer.answer = () => ({ state: 'pending' });
    await assert.rejects(paying('https://news.example/'), fails('pending'));
    restart();
    await assert.rejects(paying('https://news.example/'), fails('pending'));
    const [{ invoice } = { invoice: '' }] = payer.paid;
    const { paymentHash } = await payer.inspect(invoice);
    payer.outcomes.set(paymentHash, { state: 'succeeded', preimage: invoice.slice(3) });
    restart();
    assert.equal((await paying('https://news.example/')).status, 200);
    assert.equal(payer.paid.length, 1);
    assert.deepEqual(await receipts.undelivered(), []);
  });

  test(`${name}: who died between the payment and the answer shows the same proof again`, async () => {
    const { payer, paying, shop: sold, restart, receipts } = shop();
    const goods = sold.goods;
    sold.goods = () => Promise.reject(new TypeError('the network is gone'));
    await assert.rejects(
      paying('https://news.example/'),
      (error: unknown) => fails('notDelivered', true)(error) && (error as PaidFetchError).response === null,
    );
    assert.equal((await receipts.undelivered()).length, 1);
    restart();
    sold.goods = goods;
    // The shop of charges has seen it, and takes it no more: that is said, and nothing is paid for it.
    if (shop === selling) assert.equal((await paying('https://news.example/')).status, 200);
    else await assert.rejects(paying('https://news.example/'), fails('untrusted'));
    assert.equal(payer.paid.length, 1);
  });
}

test('the proof is checked before anything is called paid', async () => {
  const { payer, paying, store } = selling();
  for (const preimage of ['00'.repeat(32), 'zz', '']) {
    payer.answer = () => ({ state: 'succeeded', preimage });
    await assert.rejects(paying('https://news.example/'), fails('badProof'));
    assert.deepEqual(
      [...store.all.values()].map((text) => JSON.parse(text).state),
      ['paying'],
    );
    store.all.clear();
  }
});

test('what the wallet refuses is not paid, and the next request may try again', async () => {
  const { payer, paying, store } = selling();
  payer.answer = () => new Error("the budget's limit for the day is used up");
  await assert.rejects(
    paying('https://news.example/'),
    (error: unknown) => fails('notPaid')(error) && /limit for the day/.test((error as Error).message),
  );
  assert.equal(store.all.size, 0);
  payer.answer = (preimage) => ({ state: 'succeeded', preimage });
  assert.equal((await paying('https://news.example/')).status, 200);
});

test('a payment whose outcome is open is pending, and is not made again before its record says so', async () => {
  const { payer, paying, store } = selling();
  payer.answer = () => new WalletError('closed', 'The wallet was closed', [], [], { outcome: 'open', paymentId: 'ab' });
  await assert.rejects(paying('https://news.example/'), fails('pending'));
  assert.equal(store.all.size, 1, 'noted, so that whoever comes next finds it');
  const { lookup } = payer;
  payer.lookup = () => Promise.reject(new WalletError('closed', 'locked'));
  await assert.rejects(paying('https://news.example/'), { code: 'closed' });
  assert.equal(payer.paid.length, 0);
  payer.lookup = lookup;
  payer.answer = (preimage) => ({ state: 'succeeded', preimage });
  assert.equal((await paying('https://news.example/')).status, 200);
  assert.equal(payer.paid.length, 1);
});

test('a wallet that is closed is no fault of the invoice', async () => {
  const { payer, paying } = selling();
  payer.inspect = () => Promise.reject(new WalletError('closed', 'The wallet is closed or locked'));
  await assert.rejects(paying('https://news.example/'), fails('notPaid'));
});

test('paid and not delivered is said as such', async () => {
  const { payer, paying, shop } = selling();
  shop.delivers = false;
  await assert.rejects(paying('https://news.example/'), fails('notDelivered', true));
  assert.equal(payer.paid.length, 1, 'a second demand for the same page is not paid at once');
});

test('nothing is paid over plain HTTP but on this machine', async () => {
  const { payer, paying } = selling();
  await assert.rejects(paying('http://news.example/'), fails('insecure'));
  assert.equal(payer.paid.length, 0);
  assert.equal((await paying('http://localhost:8080/')).status, 200);
});

test('a request with an authorization of its own is left alone', async () => {
  const { payer, paying } = selling();
  assert.equal((await paying('https://news.example/', { headers: { authorization: 'Basic eA==' } })).status, 402);
  assert.equal(payer.paid.length, 0);
});

test('a charge is paid for each request', async () => {
  const { payer, paying } = charging();
  const answers = await Promise.all([1, 2, 3].map((n) => paying(`https://film.example/${n}`)));
  assert.deepEqual(await Promise.all(answers.map((answer) => answer.text())), ['the film', 'the film', 'the film']);
  assert.equal(payer.paid.length, 3);
});

test('a charge whose challenge and invoice differ, or that has expired, is not paid', async () => {
  const twists: Parameters<typeof charging>[0][] = [
    { request: (request) => (request['amount'] = '9') },
    { request: (request) => (request['amount'] = '-1') },
    { request: (request) => (request['amount'] = 10) },
    { request: (request) => (request['currency'] = 'usd') },
    { request: (_, details) => (details['paymentHash'] = '00'.repeat(32)) },
    { request: (_, details) => (details['network'] = 'mainnet') },
    { request: (_, details) => delete details['invoice'] },
    { request: (_, details) => (details['invoice'] = 'garbage') },
    { expires: '2026-11-22T19:59:59Z' },
    { expires: 'soon' },
    { params: ', header="Cookie"' },
    { params: ', digest="sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"' },
  ];
  for (const twist of twists) {
    const { payer, paying } = charging(twist);
    await assert.rejects(paying('https://film.example/'), fails('badChallenge'));
    assert.equal(payer.paid.length, 0);
  }
});

test('a charge that was paid and not delivered is said as such', async () => {
  const { payer, paying, shop } = charging();
  shop.goods = () => new Response('oops', { status: 500 });
  await assert.rejects(
    paying('https://film.example/'),
    (error: unknown) => fails('notDelivered', true)(error) && (error as PaidFetchError).response!.status === 500,
  );
  assert.equal(payer.paid.length, 1);
});
