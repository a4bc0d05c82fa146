/** Public client and server libraries against ours: conventions as others wrote them. */

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'vitest';
import { Invoice, LightningAddress } from '@getalby/lightning-tools';
import {
  fetchWithL402,
  issueL402Macaroon,
  makeL402AuthenticateHeader,
  parseL402Authorization,
  verifyL402Macaroon,
} from '@getalby/lightning-tools/402/l402';
import { fetchWithMpp } from '@getalby/lightning-tools/402/mpp';
import type { WebLNProvider } from '@webbtc/webln-types';
import axios from 'axios';
import l402 from 'l402';
import { Identifier, Lsat, getRawMacaroon, verifyMacaroonCaveats } from 'lsat-js';
import { newMacaroon } from 'macaroon';
import * as errors from 'webln';
import { mint, verify } from '../../../examples/l402/macaroon.mjs';
import { type Handler, answerBy, client, issueReal, page, serve } from './interop-fakes.ts';
import { FakeWallet, sha256 } from './site-fakes.ts';

const SECRET = "a server's secret";
const URL_ = 'https://shop.example/article';
const denied = (header: string) => new Response('', { status: 402, headers: { 'www-authenticate': header } });

/** A server made of the library's own parts. */
const libraryServer =
  (wallet: FakeWallet): Handler =>
  async ({ headers }) => {
    const shown = parseL402Authorization(headers.get('authorization') ?? '');
    const verified = shown && (await verifyL402Macaroon(SECRET, shown.token).catch(() => null));
    if (shown && verified?.paymentHash === sha256(shown.preimage)) return new Response('the article');
    const invoice = wallet.issue(10_000n);
    const token = await issueL402Macaroon(SECRET, wallet.invoices.get(invoice)!.paymentHash, { article: 7 });
    return denied(makeL402AuthenticateHeader({ token, invoice }));
  };

/** The paid API of examples/, with its macaroons. */
function exampleServer(wallet: FakeWallet): Handler {
  const secret = randomBytes(32);
  return async ({ headers }) => {
    const [, macaroon = '', preimage = ''] =
      /^(?:L402|LSAT) ([A-Za-z0-9+/=_-]+):([0-9a-f]{64})$/i.exec(headers.get('authorization') ?? '') ?? [];
    const found = macaroon === '' ? null : verify(secret, macaroon);
    if (found && createHash('sha256').update(Buffer.from(preimage, 'hex')).digest('hex') === found.paymentHash)
      return new Response('the article');
    const invoice = issueReal(wallet, 10n);
    const token = mint(secret, wallet.invoices.get(invoice)!.paymentHash, ['services=example:0']);
    const challenge = `macaroon="${token}", invoice="${invoice}"`;
    return denied(`L402 version="0", token="${token}", ${challenge}, LSAT ${challenge}`);
  };
}

/** aperture (lightninglabs): what its authenticators set and read, one header for each scheme, joined as fetch joins them. */
function apertureServer(wallet: FakeWallet): Handler {
  const tokens = new Map<string, string>();
  return async ({ headers }) => {
    const [, , token = '', preimage = ''] =
      /(LSAT|L402) (.*?):([a-f0-9]{64})/.exec(headers.get('authorization') ?? '') ?? [];
    if (preimage !== '' && tokens.get(token) === sha256(preimage)) return new Response('the article');
    const invoice = wallet.issue(10_000n);
    const macaroon = randomBytes(100).toString('base64');
    tokens.set(macaroon, wallet.invoices.get(invoice)!.paymentHash);
    return denied(
      `LSAT macaroon="${macaroon}", invoice="${invoice}", L402 macaroon="${macaroon}", invoice="${invoice}"`,
    );
  };
}

/** A server made of lsat-js, as boltwall is. */
function lsatServer(wallet: FakeWallet): Handler {
  const signing = randomBytes(32).toString('hex');
  return async ({ headers }) => {
    const header = headers.get('authorization');
    if (header) {
      const lsat = Lsat.fromToken(header);
      if (verifyMacaroonCaveats(lsat.baseMacaroon, signing, []) && lsat.isSatisfied())
        return new Response('the article');
    }
    const invoice = issueReal(wallet, 10n);
    const paymentHash = Buffer.from(wallet.invoices.get(invoice)!.paymentHash, 'hex');
    const identifier = new Identifier({ paymentHash, tokenId: randomBytes(32) }).toString();
    const macaroon = newMacaroon({ version: 1, rootKey: signing, identifier, location: 'shop.example' });
    return denied(Lsat.fromMacaroon(getRawMacaroon(macaroon), invoice).toChallenge());
  };
}

/** A "Payment" server with the library's client in mind. */
const chargeServer =
  (wallet: FakeWallet): Handler =>
  async ({ headers }) => {
    const token = /^Payment (\S+)$/.exec(headers.get('authorization') ?? '')?.[1];
    if (token) {
      const { challenge, payload } = JSON.parse(Buffer.from(token, 'base64url').toString());
      const { methodDetails } = JSON.parse(Buffer.from(challenge.request, 'base64url').toString());
      if (sha256(payload.preimage) === methodDetails.paymentHash) return new Response('the article');
    }
    const invoice = wallet.issue(10_000n);
    const details = { invoice, network: 'regtest', paymentHash: wallet.invoices.get(invoice)!.paymentHash };
    const request = Buffer.from(JSON.stringify({ amount: '10', currency: 'sat', methodDetails: details })).toString(
      'base64url',
    );
    return denied(
      `Payment id="1", realm="shop.example", method="lightning", intent="charge", request="${request}", expires="2099-01-01T00:00:00Z"`,
    );
  };

for (const [name, server] of [
  ['a server made of @getalby/lightning-tools', libraryServer],
  ['the example API', exampleServer],
  ['aperture', apertureServer],
  ['a server made of lsat-js', lsatServer],
  ['what fetchWithMpp pays', chargeServer],
] as const) {
  test(`our fetch pays ${name}, and uses what it bought again`, async () => {
    const wallet = new FakeWallet();
    const origin = await serve(server(wallet));
    const { paying, receipts } = client(wallet);
    for (let round = 0; round < 2; round++)
      assert.equal(await (await paying(`${origin}/article`)).text(), 'the article');
    assert.equal(wallet.paid.length, server === chargeServer ? 2 : 1);
    assert.deepEqual(await receipts.undelivered(), []);
  });
}

for (const [name, fetchPaid, server] of [
  ['fetchWithL402', fetchWithL402, libraryServer],
  ['fetchWithL402', fetchWithL402, exampleServer],
  ['fetchWithMpp', fetchWithMpp, chargeServer],
] as const) {
  test(`${name} of @getalby/lightning-tools pays through our WebLN`, async () => {
    const { wallet, payInvoice } = page();
    answerBy(server(wallet));
    const response = await fetchPaid(URL_, {}, { wallet: { payInvoice } });
    assert.equal(await response.text(), 'the article');
    assert.equal(wallet.paid.length, 1);
  });
}

test('the npm client l402 pays the example API through our WebLN, and uses its token again', async () => {
  const { wallet, payInvoice } = page();
  const origin = await serve(exampleServer(wallet));
  const http = axios.create();
  const store = new l402.MemoryTokenStore();
  const payer = {
    payInvoice: async (invoice: string) => new l402.PaymentResult((await payInvoice({ invoice })).preimage, true),
  };
  l402.setupL402Interceptor(http, payer, store);
  for (let round = 0; round < 2; round++) assert.equal((await http.get(`${origin}/article`)).data, 'the article');
  assert.equal(wallet.paid.length, 1);
});

test('lsat-js pays the example API through our WebLN', async () => {
  const { wallet, payInvoice } = page();
  const origin = await serve(exampleServer(wallet));
  const header = (await fetch(`${origin}/article`)).headers.get('www-authenticate')!;
  const lsat = Lsat.fromHeader(header.slice(header.indexOf('LSAT ')));
  lsat.setPreimage((await payInvoice({ invoice: lsat.invoice })).preimage);
  const paid = await fetch(`${origin}/article`, { headers: { authorization: lsat.toToken() } });
  assert.equal(await paid.text(), 'the article');
});

test('a macaroon that is for another payment than its invoice is not paid for', async () => {
  const wallet = new FakeWallet();
  for (const server of [exampleServer(wallet), lsatServer(wallet)]) {
    const swapped: Handler = async (request) => {
      const refused = await server(request);
      // Somebody puts an invoice of his own beside the server's macaroon.
      return denied(
        refused.headers.get('www-authenticate')!.replace(/invoice="[^"]+"/g, `invoice="${wallet.issue(10_000n)}"`),
      );
    };
    const { paying } = client(wallet, { fetch: (input, init) => swapped(new Request(input, init)) });
    await assert.rejects(paying(URL_), { code: 'badChallenge' });
  }
  assert.equal(wallet.paid.length, 0);
});

test('LightningAddress and Invoice of @getalby/lightning-tools: an invoice of an address is paid through our WebLN', async () => {
  const { wallet, webln } = page();
  answerBy(async ({ url }) => {
    if (url === 'https://tips.example/.well-known/lnurlp/zoe') {
      const terms = {
        tag: 'payRequest',
        callback: 'https://tips.example/pay',
        minSendable: 1_000,
        maxSendable: 50_000,
        metadata: '[["text/plain","tip"]]',
        commentAllowed: 20,
      };
      return Response.json(terms);
    }
    const asked = new URL(url);
    if (asked.pathname !== '/pay') return new Response('', { status: 404 });
    assert.equal(asked.searchParams.get('comment'), 'thanks');
    return Response.json({ pr: issueReal(wallet, BigInt(asked.searchParams.get('amount')!) / 1000n), routes: [] });
  });
  const address = new LightningAddress('zoe@tips.example', { proxy: false, webln: webln as unknown as WebLNProvider });
  await address.fetch();
  const invoice = await address.requestInvoice({ satoshi: 21, comment: 'thanks' });
  assert.ok(invoice instanceof Invoice);
  assert.equal(invoice.satoshi, 21);
  await webln.enable();
  const { preimage, paymentHash } = (await webln.sendPayment(invoice.paymentRequest)) as {
    preimage: string;
    paymentHash: string;
  };
  assert.deepEqual([paymentHash, invoice.validatePreimage(preimage)], [invoice.paymentHash, true]);
});

test('LightningAddress.boost of @getalby/lightning-tools sends a keysend through our WebLN', async () => {
  const { wallet, webln } = page();
  const pubkey = `02${'ab'.repeat(32)}`;
  answerBy(async ({ url }) => {
    if (!url.endsWith('/.well-known/keysend/zoe')) return new Response('', { status: 404 });
    return Response.json({
      status: 'OK',
      tag: 'keysend',
      pubkey,
      customData: [{ customKey: '696969', customValue: 'zoe' }],
    });
  });
  const address = new LightningAddress('zoe@tips.example', { proxy: false, webln: webln as unknown as WebLNProvider });
  await address.fetch();
  const boost = {
    action: 'boost',
    value_msat: 21_000,
    value_msat_total: 21_000,
    app_name: 'x',
    app_version: '1',
    feedId: '1',
    podcast: 'p',
    episode: 'e',
    ts: 1,
    name: 'n',
    sender_name: 's',
  };
  assert.match((await address.boost(boost, 21)).preimage, /^[0-9a-f]{64}$/);
  const [sent] = wallet.sent;
  assert.deepEqual([sent!.payee, sent!.amountMsat], [pubkey, 21_000n]);
  assert.deepEqual(
    sent!.records.map(({ type }) => type),
    [696_969n, 7_629_169n],
  );
});

test('our errors are named as the classes that the npm package webln has', async () => {
  const { webln, user } = page();
  user.answer = () => ({ allowed: false });
  await webln.enable();
  const made: [Promise<unknown>, string][] = [
    [webln.signMessage('x'), 'RejectionError'],
    [webln.request('listpeers'), 'UnsupportedMethodError'],
    [webln.sendPayment('garbage'), 'InvalidDataError'],
  ];
  for (const [failing, name] of made) {
    assert.ok(name in errors, name);
    await assert.rejects(failing, (error: Error) => error.name === name && error.constructor.name === name);
  }
});
