import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { PaidFetchError, type PayingFetchOptions, Receipts, payingFetch } from '../../src/provider.ts';
import type { Outcome } from '../../src/sites/types.ts';
import type { Payer, InvoiceFacts } from '../../src/sites/http402/types.ts';
import { FakeStore } from './site-fakes.ts';

export const NOW = Date.parse('2026-11-22T20:00:00Z');
export const sha256 = (hex: string): string => createHash('sha256').update(Buffer.from(hex, 'hex')).digest('hex');
export const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Invoices are `inv<preimage>`; what was paid is counted. */
export class FakePayer implements Payer {
  readonly facts = new Map<string, InvoiceFacts>();
  readonly outcomes = new Map<string, Outcome>();
  paid: { invoice: string; origin: string }[] = [];
  answer: (preimage: string) => Outcome | Error = (preimage) => ({ state: 'succeeded', preimage });

  issue(
    amountMsat: bigint | null = 10_000n,
    more: Partial<InvoiceFacts> = {},
  ): { invoice: string; paymentHash: string } {
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

/** A client's options, and the way to the shop: redirects and the like. */
type Options = Partial<PayingFetchOptions> & {
  readonly via?: (shop: typeof globalThis.fetch) => typeof globalThis.fetch;
};

/** What the two shops have in common: a client that can die, and what outlives it. */
function shopping(payer: FakePayer, shop: typeof globalThis.fetch, { via = (way) => way, ...more }: Options) {
  const store = new FakeStore();
  const fetch = via(shop);
  const make = () => payingFetch({ payer, store, maxCostMsat: 20_000n, fetch, now: () => NOW, ...more });
  let client = make();
  const paying: typeof globalThis.fetch = (input, init) => client(input, init);
  return { payer, store, fetch, paying, receipts: new Receipts(store), restart: () => void (client = make()) };
}

/** What a shop saw of a request. */
export interface Seen {
  readonly url: string;
  readonly method: string;
  readonly authorization: string | null;
  readonly body: string;
}

/** How a shop behaves; what it gives to who has paid. */
export interface Shop {
  price: bigint;
  /** `false`: it wants money again. */
  delivers: boolean;
  goods: (seen: Seen) => Response | Promise<Response>;
  readonly revoked: Set<string>;
  /** Answers everybody who shows something, without looking at it. */
  busy: (() => Response) | null;
}

/** A shop that wants money until it is shown one of its tokens with the preimage of that token's invoice. */
export function selling({
  scheme = 'L402',
  price = 10_000n,
  ...more
}: { scheme?: string; price?: bigint } & Options = {}) {
  const payer = new FakePayer();
  const tokens = new Map<string, string>();
  const seen: Seen[] = [];
  const shop: Shop = {
    price,
    delivers: true,
    goods: () => new Response('the article'),
    revoked: new Set(),
    busy: null,
  };
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    const { url, method } = request;
    const authorization = request.headers.get('authorization');
    seen.push({ url, method, authorization, body: await request.text() });
    const [, token = '', preimage = ''] = /^\S+ ([^:]+):([0-9a-f]{64})$/.exec(authorization ?? '') ?? [];
    const proved = tokens.get(token) === sha256(preimage || '00') && !shop.revoked.has(token);
    if (shop.busy && authorization) return shop.busy();
    if (proved && shop.delivers) return shop.goods(seen.at(-1)!);
    const { invoice, paymentHash } = payer.issue(shop.price);
    const fresh = `mac${tokens.size}==`;
    tokens.set(fresh, paymentHash);
    const name = scheme === 'LSAT' ? 'macaroon' : 'token';
    const header = `Bearer realm="a, b", ${scheme} version="0", ${name}="${fresh}", invoice="${invoice}"`;
    return new Response('pay', { status: 402, headers: { 'www-authenticate': header } });
  };
  return { seen, shop, ...shopping(payer, fetch, more) };
}

export const fails =
  (code: string, paid = false) =>
  (error: unknown) => {
    assert.ok(error instanceof PaidFetchError, String(error));
    assert.deepEqual([error.code, error.paid], [code, paid], error.message);
    return true;
  };

/** What a server of the "Payment" scheme may get wrong. */
export interface Twist {
  readonly request?: (request: Record<string, unknown>, details: Record<string, unknown>) => void;
  readonly expires?: string;
  /** More parameters of the challenge. */
  readonly params?: string;
}

/** A shop with the "Payment" scheme: each credential once. */
export function charging({
  request: twist = () => {},
  expires = '2026-11-22T20:00:30Z',
  params = '',
  ...more
}: Twist & Options = {}) {
  const payer = new FakePayer();
  const open = new Map<string, string>();
  const seen: Seen[] = [];
  const shop: Shop = {
    price: 10_000n,
    delivers: true,
    goods: () => new Response('the film'),
    revoked: new Set(),
    busy: null,
  };
  let count = 0;
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    const { url, method, headers } = request;
    const authorization = headers.get(params.includes('header=') ? 'payment-authorization' : 'authorization');
    seen.push({ url, method, authorization, body: await request.text() });
    const token = /^Payment ([A-Za-z0-9_-]+)$/.exec(authorization ?? '')?.[1];
    if (shop.busy && authorization) return shop.busy();
    if (token) {
      const { challenge, payload } = JSON.parse(Buffer.from(token, 'base64url').toString());
      const hash = open.get(challenge.id);
      open.delete(challenge.id);
      if (hash === sha256(payload.preimage) && shop.delivers) return shop.goods(seen.at(-1)!);
    }
    const { invoice, paymentHash } = payer.issue(shop.price);
    const id = `c${count++}`;
    open.set(id, paymentHash);
    const details: Record<string, unknown> = { invoice, network: 'regtest', paymentHash };
    const asked: Record<string, unknown> = {
      amount: String(shop.price / 1000n),
      currency: 'sat',
      description: 'f\u00fcr Lea',
      methodDetails: details,
    };
    twist(asked, details);
    const header = `Payment id="${id}", realm="film.example", method="lightning", intent="charge", request="${base64url(asked)}", expires="${expires}"${params}`;
    return new Response('', { status: 402, headers: { 'www-authenticate': header } });
  };
  return { seen, shop, ...shopping(payer, fetch, more) };
}
