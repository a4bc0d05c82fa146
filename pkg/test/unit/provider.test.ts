import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import {
  type Credential,
  type CredentialStore,
  type InvoiceFacts,
  type Outcome,
  PaidFetchError,
  type Payer,
  authorization,
  chooseChallenge,
  payingFetch,
  readChallenges,
} from '../../src/provider/index.ts';

const NOW = Date.parse('2026-11-22T20:00:00Z');
const sha256 = (hex: string): string => createHash('sha256').update(Buffer.from(hex, 'hex')).digest('hex');
const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Invoices are `inv<preimage>`; what was paid is counted. */
class FakePayer implements Payer {
  readonly facts = new Map<string, InvoiceFacts>();
  readonly outcomes = new Map<string, Outcome>();
  paid: { invoice: string; origin: string }[] = [];
  answer: (preimage: string) => Outcome | Error = (preimage) => ({ state: 'succeeded', preimage });

  issue(amountMsat: bigint | null = 10_000n, more: Partial<InvoiceFacts> = {}): { invoice: string; paymentHash: string } {
    const preimage = randomBytes(32).toString('hex');
    const facts = { amountMsat, paymentHash: sha256(preimage), network: 'regtest', expiresMs: NOW + 60_000, ...more };
    this.facts.set(`inv${preimage}`, facts);
    return { invoice: `inv${preimage}`, paymentHash: facts.paymentHash };
  }

  async inspect(invoice: string): Promise<InvoiceFacts> {
    const facts = this.facts.get(invoice);
    if (!facts) throw new Error('this is no invoice');
    return facts;
  }

  async pay(invoice: string, { origin }: { origin: string }): Promise<Outcome> {
    const { paymentHash } = await this.inspect(invoice);
    const outcome = this.answer(invoice.slice(3));
    await new Promise((done) => setTimeout(done, 1));
    if (outcome instanceof Error) throw outcome;
    this.paid.push({ invoice, origin });
    this.outcomes.set(paymentHash, outcome);
    return outcome;
  }

  async lookup(paymentHash: string): Promise<Outcome> {
    return this.outcomes.get(paymentHash) ?? { state: 'failed', reason: 'there is no such payment' };
  }
}

class Store implements CredentialStore {
  readonly all = new Map<string, Credential>();
  async get(origin: string) {
    return this.all.get(origin) ?? null;
  }
  async set(origin: string, credential: Credential) {
    this.all.set(origin, credential);
  }
  async delete(origin: string) {
    this.all.delete(origin);
  }
}

/** A shop that wants money until it is shown one of its tokens with the preimage of that token's invoice. */
function world({ scheme = 'L402', price = 10_000n, maxCostMsat = 20_000n }: { scheme?: string; price?: bigint; maxCostMsat?: bigint } = {}) {
  const payer = new FakePayer();
  const credentials = new Store();
  const tokens = new Map<string, string>();
  const seen: { url: string; authorization: string | null; body: string }[] = [];
  const shop = { price, delivers: true, revoked: new Set<string>() };
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    const authorization = request.headers.get('authorization');
    seen.push({ url: request.url, authorization, body: await request.text() });
    const [, token = '', preimage = ''] = /^\S+ ([^:]+):([0-9a-f]{64})$/.exec(authorization ?? '') ?? [];
    const proved = tokens.get(token) === sha256(preimage || '00') && !shop.revoked.has(token);
    if (proved && shop.delivers) return new Response('the article');
    const { invoice, paymentHash } = payer.issue(shop.price);
    const fresh = `mac${tokens.size}==`;
    tokens.set(fresh, paymentHash);
    const name = scheme === 'LSAT' ? 'macaroon' : 'token';
    const header = `Bearer realm="a, b", ${scheme} version="0", ${name}="${fresh}", invoice="${invoice}"`;
    return new Response('pay', { status: 402, headers: { 'www-authenticate': header } });
  };
  const paying = payingFetch({ payer, credentials, maxCostMsat, fetch, now: () => NOW });
  return { payer, credentials, seen, shop, paying, fetch };
}

const fails = (code: string, paid = false) => (error: unknown) => {
  assert.ok(error instanceof PaidFetchError, String(error));
  assert.deepEqual([error.code, error.paid], [code, paid], error.message);
  return true;
};

test('headers with several challenges are read, in whatever form they come', () => {
  const read = (header: string) => readChallenges(header).map(({ scheme, params }) => [scheme, Object.fromEntries(params)]);
  assert.deepEqual(read('L402 macaroon="a\\"b=", invoice="lnbc1", LSAT macaroon=xyz,invoice=lnbc2'), [
    ['l402', { macaroon: 'a"b=', invoice: 'lnbc1' }],
    ['lsat', { macaroon: 'xyz', invoice: 'lnbc2' }],
  ]);
  assert.deepEqual(read('Negotiate, Basic realm = "x" , Digest YWJj=='), [['negotiate', {}], ['basic', { realm: 'x' }], ['digest', {}]]);
  assert.deepEqual(read('L402 token=a, token=b'), []);
  assert.deepEqual(read(''), []);
  assert.deepEqual(read('"'), []);
  assert.deepEqual(read(`L402 token="${'a'.repeat(40_000)}"`), []);
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
  for (const bad of ['', 'Basic realm="x"', 'L402 version="1", token="t", invoice="i"', 'L402 token="t"', 'L402 token="a b", invoice="i"']) {
    assert.throws(() => chooseChallenge(bad), fails('badChallenge'));
  }
  assert.equal(authorization(chooseChallenge('lsat macaroon="m=", invoice="i"'), 'ab'), 'LSAT m=:ab');
});

for (const scheme of ['L402', 'LSAT']) {
  test(`${scheme}: paid once, used again for its origin`, async () => {
    const { payer, paying, seen, credentials } = world({ scheme });
    const response = await paying('https://news.example/1', { method: 'POST', body: 'question' });
    assert.equal(await response.text(), 'the article');
    assert.equal(await (await paying('https://news.example/2')).text(), 'the article');
    assert.deepEqual(payer.paid.map(({ origin }) => origin), ['https://news.example']);
    assert.match(seen[1]!.authorization!, new RegExp(`^${scheme} mac0==:[0-9a-f]{64}$`));
    assert.deepEqual(seen.map(({ body }) => body), ['question', 'question', '']);
    assert.equal(seen.length, 3, 'the second page needs no 402');
    await paying('https://other.example/');
    assert.equal(payer.paid.length, 2, 'another origin gets nothing of it');
    assert.equal(credentials.all.size, 2);
  });
}

test('a hundred requests at once buy one credential', async () => {
  const { payer, paying } = world();
  const answers = await Promise.all(Array.from({ length: 100 }, (_, n) => paying(`https://news.example/${n}`)));
  assert.ok(answers.every((answer) => answer.status === 200));
  assert.equal(payer.paid.length, 1);
});

test('a price above what is allowed is not paid, also not when it rises later', async () => {
  const { payer, paying, shop, credentials } = world();
  await paying('https://news.example/');
  shop.revoked.add('mac0==');
  shop.price = 20_001n;
  await assert.rejects(paying('https://news.example/'), fails('tooDear'));
  assert.equal(payer.paid.length, 1);
  shop.price = 20_000n;
  assert.equal((await paying('https://news.example/')).status, 200);
  assert.equal(payer.paid.length, 2);
  assert.equal(credentials.all.size, 1);
});

test('a page that was interrupted after it paid does not pay again', async () => {
  const { payer, credentials, paying, fetch } = world();
  const refused = await fetch('https://news.example/');
  const challenge = chooseChallenge(refused.headers.get('www-authenticate')!);
  assert.ok(challenge.kind === 'l402');
  const { paymentHash } = await payer.inspect(challenge.invoice);
  await credentials.set('https://news.example', { challenge, paymentHash, preimage: null });
  payer.outcomes.set(paymentHash, { state: 'pending' });
  await assert.rejects(paying('https://news.example/'), fails('pending'));
  payer.outcomes.set(paymentHash, { state: 'succeeded', preimage: challenge.invoice.slice(3) });
  assert.equal((await paying('https://news.example/')).status, 200);
  assert.equal(payer.paid.length, 0);
});

test('the proof is checked before anything is called paid', async () => {
  const { payer, paying, credentials } = world();
  for (const preimage of ['00'.repeat(32), 'zz', '']) {
    payer.answer = () => ({ state: 'succeeded', preimage });
    await assert.rejects(paying('https://news.example/'), fails('badProof'));
    assert.equal(credentials.all.get('https://news.example')!.preimage, null);
    credentials.all.clear();
  }
});

test('what the wallet refuses is not paid, and the next request may try again', async () => {
  const { payer, paying, credentials } = world();
  payer.answer = () => new Error('the purse\'s limit for the day is used up');
  await assert.rejects(paying('https://news.example/'), (error: unknown) => fails('notPaid')(error) && /limit for the day/.test((error as Error).message));
  assert.equal(credentials.all.size, 0);
  payer.answer = (preimage) => ({ state: 'succeeded', preimage });
  assert.equal((await paying('https://news.example/')).status, 200);
});

test('paid and not delivered is said as such', async () => {
  const { payer, paying, shop } = world();
  shop.delivers = false;
  await assert.rejects(paying('https://news.example/'), fails('notDelivered', true));
  assert.equal(payer.paid.length, 1, 'a second demand for the same page is not paid at once');
});

test('nothing is paid over plain HTTP but on this machine', async () => {
  const { payer, paying } = world();
  await assert.rejects(paying('http://news.example/'), fails('insecure'));
  assert.equal(payer.paid.length, 0);
  assert.equal((await paying('http://localhost:8080/')).status, 200);
});

test('a request with an authorization of its own is left alone', async () => {
  const { payer, paying } = world();
  assert.equal((await paying('https://news.example/', { headers: { authorization: 'Basic eA==' } })).status, 402);
  assert.equal(payer.paid.length, 0);
});

/** A shop with the "Payment" scheme: each credential once. */
function charging(change: (request: Record<string, unknown>, details: Record<string, unknown>) => void = () => {}, expires = '2026-11-22T20:00:30Z') {
  const payer = new FakePayer();
  const open = new Map<string, string>();
  const shop = { delivers: true };
  let count = 0;
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const token = /^Payment ([A-Za-z0-9_-]+)$/.exec(new Request(input, init).headers.get('authorization') ?? '')?.[1];
    if (token) {
      const { challenge, payload } = JSON.parse(Buffer.from(token, 'base64url').toString());
      const hash = open.get(challenge.id);
      open.delete(challenge.id);
      assert.deepEqual(Object.keys(challenge), ['expires', 'id', 'intent', 'method', 'realm', 'request']);
      if (hash === sha256(payload.preimage)) return shop.delivers ? new Response('the film') : new Response('oops', { status: 500 });
    }
    const { invoice, paymentHash } = payer.issue();
    const id = `c${count++}`;
    open.set(id, paymentHash);
    const details: Record<string, unknown> = { invoice, network: 'regtest', paymentHash };
    const request: Record<string, unknown> = { amount: '10', currency: 'sat', description: 'f\u00fcr Lea', methodDetails: details };
    change(request, details);
    const header = `Payment id="${id}", realm="film.example", method="lightning", intent="charge", request="${base64url(request)}", expires="${expires}"`;
    return new Response('', { status: 402, headers: { 'www-authenticate': header } });
  };
  const paying = payingFetch({ payer, credentials: new Store(), maxCostMsat: 20_000n, fetch, now: () => NOW });
  return { payer, paying, shop };
}

test('a charge is paid for each request', async () => {
  const { payer, paying } = charging();
  const answers = await Promise.all([1, 2, 3].map((n) => paying(`https://film.example/${n}`)));
  assert.deepEqual(await Promise.all(answers.map((answer) => answer.text())), ['the film', 'the film', 'the film']);
  assert.equal(payer.paid.length, 3);
});

test('a charge whose challenge and invoice differ, or that has expired, is not paid', async () => {
  const changes: Parameters<typeof charging>[] = [
    [(request) => (request['amount'] = '9')],
    [(request) => (request['amount'] = '-1')],
    [(request) => (request['amount'] = 10)],
    [(request) => (request['currency'] = 'usd')],
    [(_, details) => (details['paymentHash'] = '00'.repeat(32))],
    [(_, details) => (details['network'] = 'mainnet')],
    [(_, details) => delete details['network']],
    [(_, details) => delete details['invoice']],
    [(_, details) => (details['invoice'] = 'garbage')],
    [undefined, '2026-11-22T19:59:59Z'],
    [undefined, 'soon'],
  ];
  for (const change of changes) {
    const { payer, paying } = charging(...change);
    await assert.rejects(paying('https://film.example/'), fails('badChallenge'));
    assert.equal(payer.paid.length, 0);
  }
});

test('a charge that was paid and not delivered is said as such', async () => {
  const { payer, paying, shop } = charging();
  shop.delivers = false;
  await assert.rejects(paying('https://film.example/'), (error: unknown) => fails('notDelivered', true)(error) && (error as PaidFetchError).response!.status === 500);
  assert.equal(payer.paid.length, 1);
});
