/** Paid requests that are led elsewhere, credentials that a server takes no longer, and 402s that say nothing. */

import assert from 'node:assert/strict';
import { test } from 'vitest';
import { chooseChallenge, payingFetch, PaidFetchError, type PayingFetchOptions } from '../../src/provider.ts';
import { charging, fails, FakePayer, NOW, selling } from './fetch-fakes.ts';
import { serve } from './interop-fakes.ts';
import { FakeStore } from './site-fakes.ts';

const URL_ = 'https://news.example/today';
const MINE = { authorization: 'Bearer mine', cookie: 'session=mine', 'proxy-authorization': 'Basic mine' };

test('over the wire: a redirect carries no credential of the caller to another origin, whatever it asks for', async () => {
  for (const params of ['', ', header="Payment-Authorization"']) {
    const { payer, paying, fetch } = charging({ params, fetch: globalThis.fetch });
    const seen: (string | null)[][] = [];
    const elsewhere = await serve((request) => {
      seen.push(Object.keys(MINE).map((name) => request.headers.get(name)));
      return fetch(request);
    });
    const origin = await serve(
      async () => new Response(null, { status: 302, headers: { location: `${elsewhere}/film` } }),
    );
    const answer = await paying(`${origin}/x`, { headers: { ...MINE, 'x-more': 'kept' } }).catch(
      (error: unknown) => error,
    );
    assert.ok(seen.length > 0);
    // With a header of its own it was paid for there, with another's it is not mixed.
    const own = new Set(seen.flat().filter((value) => value !== null && !value.startsWith('Payment ')));
    assert.deepEqual([...own], [], params);
    if (params !== '') assert.deepEqual([(answer as Response).status, payer.paid.length], [200, 1]);
  }
});

test('a request that is led elsewhere is made there with what is not secret', async () => {
  const { paying, fetch } = selling();
  const made: Headers[] = [];
  const led = payingFetch({
    payer: new FakePayer(),
    store: new FakeStore(),
    maxCostMsat: 1n,
    now: () => NOW,
    fetch: async (input, init) => {
      const request = new Request(input, init);
      made.push(request.headers);
      const answer = await fetch('https://news.example/long');
      return Object.defineProperties(answer, {
        redirected: { value: true },
        url: { value: 'https://news.example/long' },
      });
    },
  });
  await led('https://short.example/x', { headers: { accept: 'text/plain', cookie: 'session=mine' } }).catch(() => {});
  assert.deepEqual(
    made.map((headers) => [headers.get('accept'), headers.get('cookie')]),
    [
      ['text/plain', 'session=mine'],
      ['text/plain', null],
    ],
  );
  assert.equal(typeof paying, 'function');
});

const denied = () => new Response('no', { status: 401 });

test('L402: a credential that is answered with 401 is dropped, and bought anew once', async () => {
  const { payer, paying, shop, seen, store } = selling();
  await paying(URL_);
  shop.busy = denied;
  shop.revoked.add('mac0==');
  const asking = paying(URL_, { method: 'POST', body: 'question' });
  // The new one is taken.
  const { goods } = shop;
  shop.busy = () => (seen.at(-1)!.authorization!.includes('mac0==') ? denied() : (goods(seen.at(-1)!) as Response));
  assert.equal(await (await asking).text(), 'the article');
  assert.deepEqual(
    seen.slice(2).map(({ authorization, body }) => [authorization?.slice(0, 10) ?? null, body]),
    [
      ['L402 mac0=', 'question'],
      [null, 'question'],
      ['L402 mac1=', 'question'],
    ],
  );
  assert.equal(payer.paid.length, 2);
  assert.match(store.all.get('credential/https://news.example')!, /mac1==/);
  assert.equal((await paying(URL_)).status, 200);
  assert.equal(payer.paid.length, 2);
});

test('L402: a 401 that is not about the payment costs nothing, and the credential stays', async () => {
  const { payer, paying, shop, store } = selling({
    via: (way) => async (input, init) => {
      const request = new Request(input, init);
      return request.url.endsWith('/account') ? denied() : way(request);
    },
  });
  await paying(URL_);
  assert.equal((await paying('https://news.example/account')).status, 401);
  assert.equal(payer.paid.length, 1);
  assert.equal(store.all.size, 1);
  assert.equal((await paying(URL_)).status, 200);
  assert.equal(payer.paid.length, 1);
  // One that was just paid for is no delivery, and is not paid for again.
  shop.goods = denied;
  shop.revoked.add('mac0==');
  await assert.rejects(paying(URL_), fails('notDelivered', true));
  assert.equal(payer.paid.length, 2);
});

test('L402: a hundred requests whose credential is answered with 401 buy one', async () => {
  const { payer, paying, shop, seen } = selling();
  await paying(URL_);
  shop.revoked.add('mac0==');
  const { goods } = shop;
  shop.busy = () => (seen.at(-1)!.authorization!.includes('mac0==') ? denied() : (goods(seen.at(-1)!) as Response));
  const answers = await Promise.all(Array.from({ length: 100 }, async () => (await paying(URL_)).text()));
  assert.deepEqual(new Set(answers), new Set(['the article']));
  assert.equal(payer.paid.length, 2);
});

test('L402: the token goes back byte for byte, whatever its form', () => {
  const taken: [string, string, string][] = [
    ['L402 version="0", token="AGIAJEemVQUTEyNCR0exk7ek90Cg==", invoice="I"', 'L402', 'AGIAJEemVQUTEyNCR0exk7ek90Cg=='],
    ['l402   macaroon="AGIAJEemVQUTEyNCR0exk7ek90Cg==",invoice="I"', 'L402', 'AGIAJEemVQUTEyNCR0exk7ek90Cg=='],
    ['L402 version="0", token="AAAA==,BBBB", invoice="I"', 'L402', 'AAAA==,BBBB'],
    ['LSAT macaroon="AAAA", invoice="I", L402 macaroon="BBBB", invoice="I2"', 'L402', 'BBBB'],
    ['Bearer realm="api", L402 macaroon=AGIA==, invoice=I', 'L402', 'AGIA=='],
    ['L402 version="0", token="AAAA", invoice="I", offer="lno1abc", foo=bar', 'L402', 'AAAA'],
    ['L402 token="AAAA", macaroon="BBBB", invoice="I"', 'L402', 'AAAA'],
  ];
  for (const [header, scheme, token] of taken) {
    const challenge = chooseChallenge(header);
    assert.ok(challenge.kind === 'l402');
    assert.deepEqual([challenge.scheme, challenge.token], [scheme, token], header);
  }
  for (const header of ['L402 version="1", token="AAAA", invoice="I"', 'L402 macaroon="AAAA"; invoice="I"', ''])
    assert.throws(() => chooseChallenge(header), fails('badChallenge'), header);
});

test('what a server says is not in the message', () => {
  const version = `\u202e${'9'.repeat(5_000)}`;
  const read = () => chooseChallenge(`L402 version="${version}", token="AAAA", invoice="I"`);
  assert.throws(read, ({ message }: Error) => message.includes('another version of L402') && message.length < 200);
});

/** What a client says of a 402. */
async function told(response: () => Response, more: Partial<PayingFetchOptions> = {}): Promise<PaidFetchError> {
  const payer = new FakePayer();
  const fetch = async () => response();
  const paying = payingFetch({ payer, store: new FakeStore(), maxCostMsat: 20_000n, now: () => NOW, fetch, ...more });
  const error: unknown = await paying(URL_).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof PaidFetchError && error.code === 'badChallenge', String(error));
  assert.equal(payer.paid.length, 0);
  assert.ok(error.response !== null);
  return error;
}

test('a 402 without a challenge says what was found, and what the site has to send', async () => {
  const cors = (body: BodyInit | null = null) =>
    Object.defineProperty(new Response(body, { status: 402 }), 'type', { value: 'cors' });
  assert.match((await told(() => cors('pay'))).message, /Access-Control-Expose-Headers: WWW-Authenticate/);
  const invoice = () => Response.json({ invoice: 'lnbc1', payment_hash: 'undefined' }, { status: 402 });
  const inBody = await told(invoice);
  assert.match(inBody.message, /invoice in the body.*WWW-Authenticate/);
  assert.deepEqual(
    await inBody.response!.json(),
    { invoice: 'lnbc1', payment_hash: 'undefined' },
    'the body can be read',
  );
  for (const body of [{ pr: 'lnbc1' }, { paymentRequest: 'lnbc1' }, { payment_request: 'lnbc1' }])
    assert.match((await told(() => Response.json(body, { status: 402 }))).message, /invoice in the body/);
  const x402 = { 'payment-required': Buffer.from('{"x402Version":2}').toString('base64') };
  assert.match((await told(() => new Response('', { status: 402, headers: x402 }))).message, /PAYMENT-REQUIRED.*x402/);
  assert.match((await told(() => new Response('x', { status: 402 }))).message, /no WWW-Authenticate header/);
  for (const body of ['null', '[]', '{"invoice":7}', 'x'.repeat(100_000), `{"invoice":"${'x'.repeat(100_000)}"}`])
    assert.match((await told(() => new Response(body, { status: 402 }))).message, /no WWW-Authenticate header/);
});

test('a 402 whose body never ends is not waited for', async () => {
  const endless = () =>
    new Response(new ReadableStream({ pull: (out) => out.enqueue(new Uint8Array(65_536).fill(32)) }), { status: 402 });
  assert.match((await told(endless)).message, /no WWW-Authenticate header/);
});

test('limits of money are given as such, or nothing is paid for', () => {
  const parts = { payer: new FakePayer(), store: new FakeStore() };
  for (const limit of [{}, { maxCost: 5n }, { maxCostMsat: 5 }, { maxCostMsat: -1n }, { maxCostMsat: '5' }])
    assert.throws(() => payingFetch({ ...parts, ...limit } as unknown as PayingFetchOptions), /maxCostMsat/);
});

test('a digest of a name that is none is passed over', async () => {
  for (const name of ['constructor', 'toString', '__proto__']) {
    const { paying, payer } = charging({ params: `, digest="${name}=:AA==:"` });
    assert.equal((await paying(URL_, { method: 'POST', body: 'x' })).status, 200, name);
    assert.equal(payer.paid.length, 1);
  }
});
