/** Public client and server libraries against ours: conventions as others wrote them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fetchWithL402, issueL402Macaroon, makeL402AuthenticateHeader, parseL402Authorization, verifyL402Macaroon } from '@getalby/lightning-tools/402/l402';
import { fetchWithMpp } from '@getalby/lightning-tools/402/mpp';
import { type SiteReply, SiteHost, installWebln, payingFetch } from '../../src/provider/index.ts';
import { FakeStore, FakeWallet, NOW, Person, SHOP, sha256 } from './site-fakes.ts';

const SECRET = 'a server\'s secret';
const URL_ = 'https://shop.example/article';

/** A server made of the library's own parts. */
function l402Server(wallet: FakeWallet) {
  return async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init);
    const shown = parseL402Authorization(request.headers.get('authorization') ?? '');
    const verified = shown && (await verifyL402Macaroon(SECRET, shown.token).catch(() => null));
    if (shown && verified?.paymentHash === sha256(shown.preimage)) return new Response('the article');
    const invoice = wallet.issue(10_000n);
    const token = await issueL402Macaroon(SECRET, wallet.invoices.get(invoice)!.paymentHash, { article: 7 });
    return new Response('', { status: 402, headers: { 'www-authenticate': makeL402AuthenticateHeader({ token, invoice }) } });
  };
}

/** A "Payment" server with the library's client in mind. */
function chargeServer(wallet: FakeWallet) {
  return async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const token = /^Payment (\S+)$/.exec(new Request(input, init).headers.get('authorization') ?? '')?.[1];
    if (token) {
      const { challenge, payload } = JSON.parse(Buffer.from(token, 'base64url').toString());
      const { methodDetails } = JSON.parse(Buffer.from(challenge.request, 'base64url').toString());
      if (sha256(payload.preimage) === methodDetails.paymentHash) return new Response('the article');
    }
    const invoice = wallet.issue(10_000n);
    const details = { invoice, network: 'regtest', paymentHash: wallet.invoices.get(invoice)!.paymentHash };
    const request = Buffer.from(JSON.stringify({ amount: '10', currency: 'sat', methodDetails: details })).toString('base64url');
    const header = `Payment id="1", realm="shop.example", method="lightning", intent="charge", request="${request}", expires="2099-01-01T00:00:00Z"`;
    return new Response('', { status: 402, headers: { 'www-authenticate': header } });
  };
}

/** A page with our provider, its wallet behind the host. */
function page() {
  const wallet = new FakeWallet();
  wallet.purses.set('https://shop.example https://shop.example', 1_000_000n);
  const host = new SiteHost({ wallet, ask: new Person().ask, store: new FakeStore(), version: '1', now: () => NOW });
  let receive: (message: SiteReply) => void = () => {};
  const target = Object.assign(new EventTarget(), { document: new EventTarget() });
  const webln = installWebln({
    transport: {
      post: (call) => void host.handle(SHOP, structuredClone(call)).then((reply) => receive(structuredClone(reply!))),
      listen: (listener) => (receive = listener),
    },
    info: { name: 'Amplet', icon: 'data:,', rdns: 'org.amplet' },
    target: target as unknown as Window,
  });
  const payInvoice = async ({ invoice }: { invoice: string }) => {
    await webln.enable();
    return (await webln.sendPayment(invoice)) as { preimage: string };
  };
  return { wallet, payInvoice };
}

const payerOf = (wallet: FakeWallet) => ({
  inspect: (invoice: string) => wallet.inspect(invoice),
  lookup: (hash: string) => wallet.lookup(hash),
  pay: async (invoice: string) => wallet.pay(await wallet.inspect(invoice), { maxFeeMsat: 0n, spender: { holder: { kind: 'person' } } }),
});

test('our fetch pays a server made of @getalby/lightning-tools', async () => {
  const wallet = new FakeWallet();
  const paying = payingFetch({ payer: payerOf(wallet), store: new FakeStore(), maxCostMsat: 20_000n, fetch: l402Server(wallet), now: () => NOW });
  assert.equal(await (await paying(URL_)).text(), 'the article');
  assert.equal(wallet.paid.length, 1);
});

for (const [name, client, server] of [
  ['fetchWithL402', fetchWithL402, l402Server],
  ['fetchWithMpp', fetchWithMpp, chargeServer],
] as const) {
  test(`${name} of @getalby/lightning-tools pays through our WebLN`, async () => {
    const { wallet, payInvoice } = page();
    const before = globalThis.fetch;
    globalThis.fetch = server(wallet);
    try {
      const response = await client(URL_, {}, { wallet: { payInvoice } });
      assert.equal(await response.text(), 'the article');
    } finally {
      globalThis.fetch = before;
    }
    assert.equal(wallet.paid.length, 1);
  });
}

test('our fetch pays what fetchWithMpp pays', async () => {
  const wallet = new FakeWallet();
  const paying = payingFetch({ payer: payerOf(wallet), store: new FakeStore(), maxCostMsat: 20_000n, fetch: chargeServer(wallet), now: () => NOW });
  assert.equal(await (await paying(URL_)).text(), 'the article');
});
