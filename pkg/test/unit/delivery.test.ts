/** Servers that take money and give nothing, and requests that lead elsewhere. */

import assert from 'node:assert/strict';
import { test } from 'vitest';
import { type UntrustedOrigin, PaidFetchError, authorization, chooseChallenge } from '../../src/provider.ts';
import { charging, fails, selling, sha256 } from './fetch-fakes.ts';
import { serve } from './interop-fakes.ts';

const URL_ = 'https://news.example/today';
const json: RequestInit = { headers: { accept: 'application/json' } };
const page = (body = '<h1>Sorry</h1>') =>
  new Response(body, { headers: { 'content-type': 'text/html; charset=utf-8' } });
const silent = () => new Response(new ReadableStream({ start: (body) => body.close() }));

/** Answers that hold nothing of what was paid for. */
const NOTHING: [string, () => Response, RequestInit?][] = [
  ['200 without a body', () => new Response(null)],
  ['200 with an empty body', () => new Response('')],
  ['200 with a body that ends at once', silent],
  [
    '200 with nothing but empty parts',
    () => new Response(new ReadableStream({ start: (body) => (body.enqueue(new Uint8Array()), body.close()) })),
  ],
  ['200 with a length of 0', () => new Response('x', { headers: { 'content-length': '0' } })],
  ['204', () => new Response(null, { status: 204 })],
  ['205', () => new Response(null, { status: 205 })],
  ['404', () => new Response('not here', { status: 404 })],
  ['500', () => new Response('oops', { status: 500 })],
  ['401', () => new Response('who?', { status: 401 })],
  ['a web page for JSON', page, json],
];

for (const [name, sells] of [
  ['L402', selling],
  ['a charge', charging],
] as const) {
  for (const [what, goods, init] of NOTHING) {
    test(`${name}: ${what} is not a delivery, and is not paid for again without the user`, async () => {
      const asked: UntrustedOrigin[] = [];
      const { payer, paying, shop, receipts, restart } = sells({
        confirm: async (untrusted) => (asked.push(untrusted), false),
      });
      shop.goods = goods;
      const error: unknown = await paying(URL_, init).catch((thrown: unknown) => thrown);
      assert.ok(fails('notDelivered', true)(error) && error instanceof PaidFetchError && error.response !== null);
      const { receipt } = error;
      const [paid] = payer.paid;
      assert.deepEqual(receipt, {
        ...receipt!,
        url: URL_,
        amountMsat: 10_000n,
        invoice: paid!.invoice,
        preimage: paid!.invoice.slice(3),
      });
      assert.equal(sha256(receipt.preimage), receipt.paymentHash);
      restart();
      assert.deepEqual(await receipts.undelivered(), [receipt]);
      // Asked again, also for more: L402's credential is shown again; nobody is paid unless the user says so.
      shop.delivers = false;
      for (const price of [10_000n, 15_000n]) {
        shop.price = price;
        await assert.rejects(paying(URL_, init), fails('untrusted'));
      }
      assert.deepEqual(
        asked.map(({ origin, amountMsat }) => [origin, amountMsat]),
        [
          ['https://news.example', 10_000n],
          ['https://news.example', 15_000n],
        ],
      );
      assert.deepEqual(asked[0]!.undelivered, [receipt]);
      assert.deepEqual([payer.paid.length, await receipts.undelivered()], [1, [receipt]]);
    });
  }

  test(`${name}: the user may pay an untrusted origin; one that delivers then is trusted again`, async () => {
    const { payer, paying, shop, receipts } = sells({ confirm: async () => true });
    const { goods } = shop;
    shop.goods = silent;
    await assert.rejects(paying(URL_), fails('notDelivered', true));
    shop.goods = goods;
    shop.revoked.add('mac0==');
    assert.equal((await paying(URL_)).status, 200);
    assert.equal(payer.paid.length, 2);
    const [receipt] = await receipts.undelivered();
    assert.equal(receipt!.invoice, payer.paid[0]!.invoice, 'the receipt of the first stays until the user has seen it');
    await receipts.forget(receipt!.paymentHash);
    assert.deepEqual(await receipts.undelivered(), []);
  });

  test(`${name}: content is handed on as it came, unread and whole`, async () => {
    const { paying, shop } = sells();
    const words = ['', 'a', 'bc', ''];
    shop.goods = () => {
      const body = new ReadableStream({
        pull: (out) => (words.length > 0 ? out.enqueue(new TextEncoder().encode(words.shift())) : out.close()),
      });
      return new Response(body, { headers: { 'content-type': 'text/plain' } });
    };
    const response = await paying(URL_, json);
    assert.equal(response.bodyUsed, false);
    assert.equal(await response.text(), 'abc');
  });

  test(`${name}: where nothing needs to be said, and where a page is welcome, both are deliveries`, async () => {
    const deliveries: [() => Response, RequestInit][] = [
      [silent, { method: 'DELETE' }],
      [() => new Response(null, { status: 204 }), { method: 'PUT', body: 'x' }],
      [() => new Response(null), { method: 'HEAD' }],
      [page, {}],
      [page, { headers: { accept: 'text/html, application/json;q=0.5' } }],
      [page, { headers: { accept: 'application/json, */*' } }],
      [() => new Response(new ReadableStream(), { headers: { 'content-type': 'text/event-stream' } }), {}],
    ];
    for (const [goods, init] of deliveries) {
      const { paying, shop, receipts } = sells();
      shop.goods = goods;
      await paying(URL_, init);
      assert.deepEqual(await receipts.undelivered(), []);
    }
  });
}

test('L402: the credential of an answer that was empty is kept, and brings the page the next time', async () => {
  const { payer, paying, shop, seen, receipts } = selling();
  const { goods } = shop;
  shop.goods = silent;
  await assert.rejects(paying(URL_), (error: unknown) =>
    /is kept: ask for the page again/.test((error as Error).message),
  );
  await assert.rejects(paying(URL_), fails('notDelivered', true));
  shop.goods = goods;
  assert.equal(await (await paying(URL_)).text(), 'the article');
  assert.deepEqual([payer.paid.length, await receipts.undelivered()], [1, []]);
  assert.equal(new Set(seen.slice(1).map(({ authorization }) => authorization)).size, 1);
  // It has brought something: what it brings from now on is the caller's to judge.
  shop.goods = silent;
  assert.equal(await (await paying(URL_)).text(), '');
});

test('a server that is overloaded is shown the same payment again', async () => {
  for (const [sells, status] of [selling, charging].flatMap((sells) =>
    [408, 429, 502, 503, 504].map((status) => [sells, status] as const),
  )) {
    const { payer, paying, shop, restart, receipts } = sells();
    shop.busy = () => new Response('busy', { status });
    for (let round = 0; round < 2; round++) {
      await assert.rejects(
        paying(URL_),
        (error: unknown) => fails('notDelivered', true)(error) && /is kept/.test((error as Error).message),
      );
      restart();
    }
    shop.busy = null;
    assert.equal((await paying(URL_)).status, 200);
    assert.deepEqual([payer.paid.length, await receipts.undelivered()], [1, []]);
  }
});

test('a charge is good for exactly the request that it was paid for', async () => {
  const { payer, paying, shop } = charging();
  const { goods } = shop;
  shop.goods = () => Promise.reject(new TypeError('the network is gone'));
  await assert.rejects(paying(URL_, { method: 'POST', body: 'one' }), fails('notDelivered', true));
  shop.goods = goods;
  for (const [url, init] of [
    [URL_, { method: 'POST', body: 'two' }],
    [URL_, {}],
    ['https://news.example/yesterday', { method: 'POST', body: 'one' }],
  ] as const) {
    const before: number = payer.paid.length;
    assert.equal((await paying(url, init)).status, 200);
    assert.equal(payer.paid.length, before + 1, JSON.stringify([url, init]));
  }
});

/** Leads from a short address to the shop, as browsers do: without the credential. */
const shortened =
  (shop: typeof globalThis.fetch): typeof globalThis.fetch =>
  async (input, init) => {
    const request = new Request(input, init);
    if (new URL(request.url).host !== 'short.example') return shop(request);
    const headers = new Headers(request.headers);
    headers.delete('authorization');
    const answer = await shop(new Request('https://news.example/long', { headers }));
    return Object.defineProperties(answer, {
      redirected: { value: true },
      url: { value: 'https://news.example/long' },
    });
  };

test('a request that was led to another site is paid to that site, from its budget, if it can be made again', async () => {
  const { payer, paying, store, seen } = selling({ via: shortened });
  assert.equal(await (await paying('https://short.example/x')).text(), 'the article');
  assert.deepEqual(
    payer.paid.map(({ origin }) => origin),
    ['https://news.example'],
  );
  assert.deepEqual([...store.all.keys()], ['credential/https://news.example']);
  assert.deepEqual(
    seen.map(({ authorization }) => authorization === null),
    [true, true, false],
  );
  await assert.rejects(paying('https://short.example/x', { method: 'POST', body: 'x' }), fails('badChallenge'));
  assert.equal(payer.paid.length, 1);
});

test('sites that lead to each other and want money end', async () => {
  let hops = 0;
  const around = (): typeof globalThis.fetch => async () => {
    const answer = new Response('', { status: 402, headers: { 'www-authenticate': 'L402 token="t", invoice="i"' } });
    return Object.defineProperties(answer, {
      redirected: { value: true },
      url: { value: `https://hop${hops++}.example/` },
    });
  };
  const { payer, paying } = selling({ via: around });
  await assert.rejects(paying(URL_), fails('badChallenge'));
  assert.ok(hops < 10);
  assert.equal(payer.paid.length, 0);
});

test('Payment-Authorization leaves the caller its own credential, and is led nowhere', async () => {
  const redirects: string[] = [];
  const watch =
    (shop: typeof globalThis.fetch): typeof globalThis.fetch =>
    (input, init) => {
      const request = new Request(input, init);
      if (request.headers.has('payment-authorization')) redirects.push(request.redirect);
      return shop(request);
    };
  const { payer, paying, seen } = charging({
    params: ', header="Payment-Authorization", description="a \\"film\\""',
    via: watch,
  });
  const init = { headers: { authorization: 'Bearer mine' } };
  assert.equal(await (await paying(URL_, init)).text(), 'the film');
  assert.equal(payer.paid.length, 1);
  const { challenge } = JSON.parse(
    Buffer.from(seen[1]!.authorization!.slice('Payment '.length), 'base64url').toString(),
  );
  assert.deepEqual([challenge.header, challenge.description], ['Payment-Authorization', 'a "film"']);
  assert.deepEqual(redirects, ['error']);
});

test('a challenge that is bound to the body is paid for that body alone', async () => {
  const body = '{"question":"why"}';
  const digest = Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(body))).toString('base64');
  for (const form of [`sha-256=:${digest}:`, `sha-256=${digest}`]) {
    const { payer, paying } = charging({ params: `, digest="${form}"` });
    assert.equal((await paying(URL_, { method: 'POST', body })).status, 200);
    await assert.rejects(paying(URL_, { method: 'POST', body: `${body} ` }), fails('badChallenge'));
    assert.equal(payer.paid.length, 1);
  }
});

test("what is not this wallet's business is not paid: expired, of no amount, of another price than was said", async () => {
  const now = Date.parse('2026-11-22T20:00:00Z');
  for (const facts of [{ expiresMs: now }, { amountMsat: null }, { amountMsat: 0n }]) {
    const { payer, paying } = selling();
    const { issue } = payer;
    payer.issue = (amountMsat, more) => issue.call(payer, amountMsat, { ...more, ...facts });
    await assert.rejects(paying(URL_), fails('badChallenge'));
    assert.equal(payer.paid.length, 0);
  }
});

test('what an older version kept is read: a charge is shown again, a credential that had brought something is only that', async () => {
  const { payer, paying, store, fetch, receipts } = charging();
  const refused = await fetch(URL_);
  const challenge = chooseChallenge(refused.headers.get('www-authenticate')!);
  assert.ok(challenge.kind === 'charge');
  const preimage = challenge.invoice.slice(3);
  const at = Date.parse('2026-11-22T19:59:00Z');
  const common = {
    version: 1,
    tabId: 3,
    state: 'paid',
    paymentHash: sha256(preimage),
    amountMsat: '10000',
    preimage,
    at,
  };
  await store.set(`charge/${sha256(preimage)}`, {
    ...common,
    url: URL_,
    challenge: { ...challenge, amountMsat: '10000' },
  });
  const token = { kind: 'l402', scheme: 'L402', token: 't', invoice: 'i' };
  await store.set('credential/https://old.example', { ...common, url: 'https://old.example/', challenge: token });
  assert.deepEqual(
    (await receipts.undelivered()).map(({ url }) => url),
    [URL_],
  );
  assert.equal((await paying(URL_)).status, 200);
  assert.deepEqual([payer.paid.length, await receipts.undelivered()], [0, []]);
  assert.equal(authorization(challenge, preimage).startsWith('Payment '), true);
});

test('over the wire: a redirect carries no credential to another origin', async () => {
  const elsewhere: (string | undefined)[][] = [];
  const other = await serve(async ({ headers }) => {
    elsewhere.push([headers.get('authorization') ?? undefined, headers.get('payment-authorization') ?? undefined]);
    return new Response('elsewhere');
  });
  for (const [sells, params] of [
    [selling, ''],
    [charging, ''],
    [charging, ', header="Payment-Authorization"'],
  ] as const) {
    const over = { fetch: globalThis.fetch };
    const { payer, paying, shop, receipts, fetch } = sells === selling ? selling(over) : charging({ params, ...over });
    shop.goods = () => new Response(null, { status: 302, headers: { location: other } });
    const origin = await serve((request) => fetch(request));
    // A credential in a header that browsers would carry on is not led anywhere: that is an answer that was lost.
    if (params === '') assert.equal(await (await paying(`${origin}/today`)).text(), 'elsewhere');
    else await assert.rejects(paying(`${origin}/today`), fails('notDelivered', true));
    assert.deepEqual([payer.paid.length, (await receipts.undelivered()).length], [1, params === '' ? 0 : 1]);
  }
  assert.deepEqual(elsewhere, [
    [undefined, undefined],
    [undefined, undefined],
  ]);
});

test('an invoice that the wallet refuses is not paid: of another network, paid already, no invoice at all', async () => {
  for (const why of ['it is of another network', 'it is paid already', 'it is no invoice']) {
    for (const sells of [selling, charging]) {
      const { payer, paying, store } = sells();
      payer.inspect = async () => Promise.reject(new Error(why));
      await assert.rejects(
        paying(URL_),
        (error: unknown) => fails('badChallenge')(error) && (error as Error).message.includes(why),
      );
      assert.deepEqual([payer.paid.length, store.all.size], [0, 0]);
    }
  }
});

test('what is paid is the invoice that was read, whatever the server says meanwhile', async () => {
  const { payer, paying, shop, fetch } = selling();
  const answer = payer.answer;
  payer.answer = (preimage) => {
    // While it is being paid the server asks for more, from everybody.
    shop.price = 19_000n;
    void fetch(URL_);
    return answer(preimage);
  };
  assert.equal((await paying(URL_)).status, 200);
  const facts = await Promise.all(payer.paid.map(({ invoice }) => payer.inspect(invoice)));
  assert.deepEqual(
    facts.map(({ amountMsat }) => amountMsat),
    [10_000n],
  );
});
