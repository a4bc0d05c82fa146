/** The HTTP "Payment" scheme as npm's mppx has it, both ends, with the lightning method of draft-lightning-charge-00. */

import assert from 'node:assert/strict';
import { test } from 'vitest';
import { Credential, Errors, Method, Receipt, z } from 'mppx';
import { Mppx as MppxClient } from 'mppx/client';
import { Mppx as MppxServer } from 'mppx/server/core';
import { Charges } from '../../../examples/l402/charge.mjs';
import { type Handler, client, issueReal, page, serve } from './interop-fakes.ts';
import { FakeWallet, sha256 } from './site-fakes.ts';

/** The method as the draft writes it; mppx has the scheme, methods are added to it. */
const lightning = Method.from({
  name: 'lightning',
  intent: 'charge',
  schema: {
    credential: { payload: z.object({ preimage: z.string() }) },
    request: z.object({
      amount: z.string(),
      currency: z.optional(z.string()),
      description: z.optional(z.string()),
      methodDetails: z.object({
        invoice: z.string(),
        paymentHash: z.optional(z.string()),
        network: z.optional(z.string()),
      }),
    }),
  },
});

/** A server of mppx. `requiresAuth`: it wants the payment beside another credential. */
function mppxServer(
  wallet: FakeWallet,
  { requiresAuth = false, network = true }: { requiresAuth?: boolean; network?: boolean } = {},
): Handler {
  const used = new Set<string>();
  const charge = Method.toServer(lightning, {
    defaults: { currency: 'sat' },
    async request({ credential, request }) {
      if (credential) return credential.challenge.request as typeof request;
      const invoice = wallet.issue(BigInt(request.amount) * 1000n);
      const { paymentHash } = wallet.invoices.get(invoice)!;
      return { ...request, methodDetails: { invoice, paymentHash, ...(network ? { network: 'regtest' } : {}) } };
    },
    async verify({ credential }) {
      const { preimage } = credential.payload;
      const { methodDetails } = credential.challenge.request as { methodDetails: { paymentHash: string } };
      if (sha256(preimage) !== methodDetails.paymentHash || used.has(preimage))
        throw new Errors.VerificationFailedError({ reason: 'this is no payment, or a used one' });
      used.add(preimage);
      return Receipt.from({
        method: 'lightning',
        reference: methodDetails.paymentHash,
        status: 'success',
        timestamp: new Date().toISOString(),
      });
    },
  });
  const mppx = MppxServer.create({
    methods: [charge],
    realm: 'film.example',
    secretKey: 'a secret of more than thirty-two bytes',
    requiresAuth,
  });
  const charged = mppx.charge({ amount: '10', description: 'a film \u2014 "for Lea"', methodDetails: { invoice: '' } });
  return async (request) => {
    if (requiresAuth && request.headers.get('authorization') !== 'Bearer mine')
      return new Response('who?', { status: 401 });
    const result = await charged(request);
    return result.status === 402 ? result.challenge : result.withReceipt(Response.json({ film: true }));
  };
}

for (const options of [{}, { network: false }]) {
  test(`our fetch pays a server of mppx, each request once (${JSON.stringify(options)})`, async () => {
    const wallet = new FakeWallet();
    const origin = await serve(mppxServer(wallet, options));
    const { paying, receipts } = client(wallet, { now: Date.now });
    wallet.issue = expiring(wallet);
    for (const round of [1, 2]) {
      const response = await paying(`${origin}/film`);
      assert.deepEqual(await response.json(), { film: true });
      const { status, reference } = Receipt.fromResponse(response);
      assert.deepEqual([status, wallet.invoices.get(wallet.paid.at(-1)!.invoice)!.paymentHash], ['success', reference]);
      assert.equal(wallet.paid.length, round);
    }
    assert.deepEqual(await receipts.undelivered(), []);
  });
}

/** Invoices that are good now, as mppx knows no other time. */
const expiring =
  (wallet: FakeWallet): FakeWallet['issue'] =>
  (amountMsat, more) =>
    FakeWallet.prototype.issue.call(wallet, amountMsat, { expiresMs: Date.now() + 60_000, ...more });

test('our fetch pays a server of mppx that wants another credential, too, and keeps the two apart', async () => {
  const wallet = new FakeWallet();
  wallet.issue = expiring(wallet);
  const origin = await serve(mppxServer(wallet, { requiresAuth: true }));
  const { paying } = client(wallet, { now: Date.now });
  assert.equal((await paying(`${origin}/film`)).status, 401);
  const response = await paying(`${origin}/film`, { headers: { authorization: 'Bearer mine' } });
  assert.deepEqual([await response.json(), wallet.paid.length], [{ film: true }, 1]);
});

test('a server of mppx that is shown a used payment says so, and is not paid for the same again', async () => {
  const wallet = new FakeWallet();
  wallet.issue = expiring(wallet);
  let lost = true;
  const server = mppxServer(wallet);
  const origin = await serve(async (request) => {
    const response = await server(request);
    // The answer is lost on the way.
    return lost && response.ok ? new Response('', { status: 502 }) : response;
  });
  const { paying, receipts } = client(wallet, { now: Date.now });
  await assert.rejects(paying(`${origin}/film`), { code: 'notDelivered' });
  lost = false;
  await assert.rejects(paying(`${origin}/film`), { code: 'untrusted' });
  assert.deepEqual([wallet.paid.length, (await receipts.undelivered()).length], [1, 1]);
});

/** The paid API of examples/ that charges each time. */
function exampleServer(wallet: FakeWallet): Handler {
  const charges = new Charges('amplet-example');
  return async ({ headers }) => {
    const [, token] = /^Payment ([A-Za-z0-9_-]+)=*$/i.exec(headers.get('authorization') ?? '') ?? [];
    const used = token === undefined ? null : charges.use(token);
    if (used && 'receipt' in used) return new Response('{"joke":1}', { headers: { 'payment-receipt': used.receipt } });
    const invoice = issueReal(wallet, 2n);
    const { paymentHash } = wallet.invoices.get(invoice)!;
    const challenge = charges.challenge({
      invoice,
      paymentHash,
      amountMsat: '2000',
      description: 'a joke',
      expiresAt: Math.floor(Date.now() / 1000) + 600,
    } as never);
    const body = used ? JSON.stringify(used.problem) : '';
    return new Response(body, { status: used ? used.problem.status : 402, headers: { 'www-authenticate': challenge } });
  };
}

test('the client of mppx pays the example API through our WebLN', async () => {
  const { wallet, payInvoice } = page();
  const origin = await serve(exampleServer(wallet));
  const method = Method.toClient(lightning, {
    async createCredential({ challenge }) {
      const { methodDetails } = challenge.request as { methodDetails: { invoice: string } };
      return Credential.serialize({ challenge, payload: { preimage: (await payInvoice(methodDetails)).preimage } });
    },
  });
  const mppx = MppxClient.create({ polyfill: false, methods: [method] });
  for (const round of [1, 2]) {
    const response = await mppx.fetch(`${origin}/joke`);
    assert.deepEqual(await response.json(), { joke: 1 });
    const { method: by, reference } = Receipt.fromResponse(response);
    assert.deepEqual(
      [by, wallet.invoices.get(wallet.paid.at(-1)!.invoice)!.paymentHash, wallet.paid.length],
      ['lightning', reference, round],
    );
  }
});
