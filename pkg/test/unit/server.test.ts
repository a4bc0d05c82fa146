/** amplet/server: answers that cost money, the gateway's API, webhooks. */

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'vitest';
import { fetchWithL402 } from '@getalby/lightning-tools/402/l402';
import { fetchWithMpp } from '@getalby/lightning-tools/402/mpp';
import {
  GatewayApi,
  type GatewayError,
  type PaywallOptions,
  paywall,
  readWebhook,
  walletInvoices,
} from '../../src/server.ts';
import { mint, verify } from '../../src/sites/server/macaroon.ts';
import { WalletError } from '../../src/base/error.ts';
import { verify as exampleVerify } from '../../../examples/l402/macaroon.mjs';
import { answerBy, client, issueReal, page } from './interop-fakes.ts';
import { FakeWallet, NOW, sha256 } from './site-fakes.ts';

const SECRET = 's'.repeat(32);
const URL_ = 'https://shop.example/article?n=1';

/** A shop over a wallet, whose clock is the test's. */
function shop(more: Partial<PaywallOptions> = {}, wallet = new FakeWallet()) {
  const clock = { now: NOW };
  const issued: { invoice: string; preimage: string }[] = [];
  const paid = paywall({
    secret: SECRET,
    service: 'news',
    priceMsat: 10_000n,
    now: () => clock.now,
    invoices: {
      createInvoice: async ({ amountMsat }) => {
        const invoice = issueReal(wallet, amountMsat / 1000n);
        const { paymentHash } = wallet.invoices.get(invoice)!;
        issued.push({ invoice, preimage: wallet.preimages.get(paymentHash)! });
        return { invoice, paymentHash, expiresAt: NOW / 1000 + 600 };
      },
    },
    ...more,
  });
  let answer: () => Response = () => new Response('the article');
  const handle = paid(() => answer());
  const ask = (authorization?: string, url = URL_, method = 'GET') =>
    handle(new Request(url, { method, headers: authorization === undefined ? {} : { authorization } }));
  /** Asks, pays, and gives both credentials. */
  const buy = async () => {
    const header = (await ask()).headers.get('www-authenticate') ?? '';
    const { preimage } = issued.at(-1)!;
    const token = /token="([^"]+)"/.exec(header)?.[1];
    const params = Object.fromEntries(
      [...header.slice(header.indexOf('Payment ')).matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [
        name,
        value,
      ]),
    );
    const credential = (challenge: object) =>
      `Payment ${Buffer.from(JSON.stringify({ challenge, payload: { preimage } })).toString('base64url')}`;
    return { token, l402: `L402 ${token}:${preimage}`, charge: credential(params), params, credential, preimage };
  };
  return { wallet, clock, ask, buy, paid, handle, answers: (next: () => Response) => (answer = next) };
}

test('our fetch pays it, and shows what it bought again', async () => {
  for (const schemes of [undefined, ['l402'], ['payment']] as const) {
    const { wallet, handle } = shop({ schemes });
    const { paying } = client(wallet, { fetch: (input, init) => handle(new Request(input, init)) });
    for (let round = 0; round < 2; round++) assert.equal(await (await paying(URL_)).text(), 'the article');
    assert.equal(wallet.paid.length, schemes?.[0] === 'payment' ? 2 : 1);
  }
});

for (const [name, fetchPaid] of [
  ['fetchWithL402', fetchWithL402],
  ['fetchWithMpp', fetchWithMpp],
] as const) {
  test(`${name} of @getalby/lightning-tools pays it`, async () => {
    const { wallet, payInvoice } = page();
    const { handle } = shop({ schemes: [name === 'fetchWithMpp' ? 'payment' : 'l402'] }, wallet);
    answerBy(handle);
    const response = await fetchPaid(URL_, {}, { wallet: { payInvoice } });
    assert.equal(await response.text(), 'the article');
  });
}

test('L402 is good for its time, its service and its price, and no other', async () => {
  const { ask, buy, clock, wallet } = shop();
  const { l402, token, preimage } = await buy();
  for (const header of [l402, l402.replace('L402', 'LSAT'), l402.toLowerCase().replace(token!.toLowerCase(), token!)])
    assert.equal((await ask(header)).status, 200, header);
  assert.equal((await ask(l402, 'https://shop.example/another')).status, 200);
  for (const wrong of [`L402 ${token}:${'00'.repeat(32)}`, `L402 x:${preimage}`, `Basic ${token}:${preimage}`, 'L402'])
    assert.equal((await ask(wrong)).status, 402, wrong);
  assert.equal((await shop({ service: 'film' }, wallet).ask(l402)).status, 402, 'another service');
  assert.equal((await shop({ priceMsat: async () => 11_000n }, wallet).ask(l402)).status, 402, 'dearer');
  assert.equal((await shop({ priceMsat: 1_000n }, wallet).ask(l402)).status, 200, 'cheaper');
  assert.equal((await shop({ secret: 'x'.repeat(32) }, wallet).ask(l402)).status, 402, 'another secret');
  clock.now += 3_600_000;
  assert.equal((await ask(l402)).status, 402, 'too late');
});

test('a charge is good once, in time, for the very request, unless nothing was delivered', async () => {
  const { ask, buy, clock, answers } = shop();
  const first = await buy();
  for (const [url, method] of [
    ['https://shop.example/article?n=2', 'GET'],
    ['https://shop.example/other', 'GET'],
    [URL_, 'POST'],
  ] as const)
    assert.equal((await ask(first.charge, url, method)).status, 402);
  answers(() => new Response('', { status: 503 }));
  assert.equal((await ask(first.charge)).status, 503);
  answers(() => {
    throw new Error('broken');
  });
  await assert.rejects(ask(first.charge), /broken/);
  answers(() => new Response('the article', { headers: { 'cache-control': 'private' } }));
  const [one, other] = await Promise.all([ask(first.charge), ask(first.charge)]);
  assert.deepEqual([one.status, other.status].sort(), [200, 402]);
  const good = one.status === 200 ? one : other;
  assert.ok(good.headers.get('payment-receipt'));
  assert.equal(good.headers.get('cache-control'), 'private');
  const second = await buy();
  clock.now += 600_000;
  const late = await ask(second.charge);
  assert.equal(late.headers.get('content-type'), 'application/problem+json');
  assert.match(((await late.json()) as { type: string }).type, /expired-invoice$/);
});

test('a charge that was changed is none, and neither is a preimage of another', async () => {
  const { ask, buy } = shop();
  const { params, credential } = await buy();
  const cheap = Buffer.from(JSON.stringify({ amount: '1', methodDetails: { paymentHash: sha256('00') } }));
  for (const changed of [
    { ...params, request: cheap.toString('base64url') },
    { ...params, expires: '2099-01-01T00:00:00Z' },
    { ...params, id: 'AAAA' },
    { id: params['id'] },
    null,
  ])
    assert.equal((await ask(credential(changed))).status, 402);
  const other = await buy();
  const mixed = { challenge: params, payload: { preimage: other.preimage } };
  const answer = await ask(`Payment ${Buffer.from(JSON.stringify(mixed)).toString('base64url')}`);
  assert.match(((await answer.json()) as { type: string }).type, /invalid-preimage$/);
  for (const garbage of ['Payment !', 'Payment e30', `Payment ${'A'.repeat(9999)}`])
    assert.equal((await ask(garbage)).status, 402);
});

test('what a wall is made of is checked at once', () => {
  const invoices = { createInvoice: async () => Promise.reject(new Error('none')) };
  const right = { invoices, secret: SECRET, service: 'news', priceMsat: 1_000n };
  paywall(right);
  for (const [change, message] of [
    [{ price: 5n }, /knows no `price`/],
    [{ priceMsat: 1_500n }, /whole satoshis/],
    [{ priceMsat: 5 }, /bigint/],
    [{ secret: 'short' }, /32 bytes/],
    [{ service: 'a b' }, /letters/],
    [{ invoices: {} }, /makes invoices/],
  ] as const)
    assert.throws(() => paywall({ ...right, ...change } as PaywallOptions), { code: 'invalidInput', message });
});

test('a wallet sells by its own invoices, and says when it cannot receive', async () => {
  const made = { invoice: 'lnbcrt1', paymentHash: 'ab', expiresAt: 9n, missing: null };
  const asked: unknown[] = [];
  const wallet = { receive: async (request: unknown) => (asked.push(request), made) };
  const request = { amountMsat: 5n, description: 'd', expirySecs: 60 };
  assert.deepEqual(await walletInvoices(wallet).createInvoice(request), {
    invoice: 'lnbcrt1',
    paymentHash: 'ab',
    expiresAt: 9,
  });
  assert.deepEqual(asked, [request]);
  const missing = { code: 'insufficientInbound' as const, message: 'ask a gateway for a channel', causes: [] };
  const poor = walletInvoices({ receive: async () => ({ ...made, missing }) });
  await assert.rejects(
    poor.createInvoice(request),
    (error) => error instanceof WalletError && error.code === missing.code,
  );
});

test('macaroons: whoever changes one has none, and other readers of the format read ours', async () => {
  const hash = 'ab'.repeat(32);
  const token = await mint(SECRET, hash, ['services=news:0', 'x'.repeat(300)]);
  const read = { paymentHash: hash, caveats: ['services=news:0', 'x'.repeat(300)] };
  assert.deepEqual(await verify(SECRET, token), read);
  assert.deepEqual(exampleVerify(Buffer.from(SECRET), token), read);
  const bytes = Buffer.from(token, 'base64');
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes);
    changed[at]! ^= 1;
    assert.equal(await verify(SECRET, changed.toString('base64')), null, `byte ${at}`);
    assert.equal(await verify(SECRET, bytes.subarray(0, at).toString('base64')), null, `cut at ${at}`);
  }
  assert.equal(await verify(SECRET, '%'), null);
});

test("the gateway's API: amounts are bigint, errors have their code, repeats their key", async () => {
  const seen: Request[] = [];
  const answers = [
    Response.json({ paymentHash: 'ab', amountMsat: '5000', receivedMsat: null, state: 'open', expiresAt: 9 }),
    Response.json({ paymentHash: 'ab', amountMsat: null, receivedMsat: '7', state: 'paid' }),
    Response.json({ paymentHash: 'cd', amountMsat: '3', feeMsat: '1', state: 'succeeded', error: null }),
    Response.json({ code: 'notFound', message: 'There is none.' }, { status: 404 }),
    new Response('<html>', { status: 502 }),
  ];
  const fetch: typeof globalThis.fetch = async (input, init) => {
    seen.push(new Request(input, init));
    return answers.shift()!;
  };
  const gateway = new GatewayApi('https://gw.example/', 'amplet_k', { fetch });
  const made = await gateway.createInvoice(
    { amountMsat: 5_000n, description: 'tea', metadata: { order: '7' } },
    'order-7',
  );
  assert.equal(made.amountMsat, 5_000n);
  assert.equal((await gateway.invoice('ab', { waitSecs: 60 })).receivedMsat, 7n);
  assert.equal((await gateway.pay('lnbc1', 9n, 'payout-1')).feeMsat, 1n);
  await assert.rejects(
    gateway.invoice('x'),
    (error: GatewayError) => error.code === 'notFound' && error.status === 404,
  );
  await assert.rejects(gateway.invoice('x'), (error: GatewayError) => error.status === 502);
  assert.deepEqual(await seen[0]?.json(), { amountMsat: '5000', description: 'tea', metadata: { order: '7' } });
  assert.equal(seen[0]?.headers.get('idempotency-key'), 'order-7');
  assert.equal(seen[0]?.headers.get('authorization'), 'Bearer amplet_k');
  assert.equal(seen[1]?.url, 'https://gw.example/v1/invoices/ab?waitSecs=60');
  assert.throws(() => new GatewayApi('gw.example', 'k'), /`url` is the gateway's/);
  assert.throws(() => new GatewayApi('https://gw.example', ''), /`key` is what/);
});

test("a webhook is read if it is the gateway's and new", async () => {
  const body = JSON.stringify({ id: '1', type: 'invoice.paid', data: { paymentHash: 'ab' } });
  const call = (header: string | null, text = body) =>
    new Request('https://shop.example/hook', {
      method: 'POST',
      body: text,
      headers: header === null ? {} : { 'amplet-signature': header },
    });
  const sign = (at: number, text = body) =>
    `t=${at},v1=${createHmac('sha256', 'whsec_x').update(`${at}.${text}`).digest('hex')}`;
  assert.equal((await readWebhook('whsec_x', call(sign(1000)), 1100))?.type, 'invoice.paid');
  for (const [request, secret, now] of [
    [call(sign(1000)), 'whsec_y', 1000],
    [call(sign(1000)), 'whsec_x', 1301],
    [call(sign(1000), `${body} `), 'whsec_x', 1000],
    [call(null), 'whsec_x', 1000],
    [call('t=1000,v1=ab'), 'whsec_x', 1000],
  ] as const)
    assert.equal(await readWebhook(secret, request, now), null);
});
