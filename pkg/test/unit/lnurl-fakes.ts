/** A host whose net is the test's, and a service that is paid by LNURL. */

import assert from 'node:assert/strict';
import { type InvoiceDetails, type Json, SiteHost } from '../../src/provider.ts';
import { FakeWallet, NOW, User, SHOP } from './site-fakes.ts';

/** A host whose net is `answers`: URL without query to what is sent. */
export function harness(answers: Record<string, (url: URL) => unknown>) {
  const wallet = new FakeWallet();
  const user = new User();
  const { store } = wallet;
  store.all.set('grant/https://shop.example https://shop.example', '{"version":1,"balance":false}');
  const asked: URL[] = [];
  const fetch: typeof globalThis.fetch = async (input, init) => {
    assert.equal(init?.credentials, 'omit');
    const url = new URL(String(input));
    asked.push(url);
    const answer = answers[`${url.origin}${url.pathname}`];
    if (!answer) throw new TypeError('no such host');
    const body = answer(url);
    return new Response(typeof body === 'string' ? body : JSON.stringify(body), { status: 500 });
  };
  const restart = () => new SiteHost({ wallet, ask: user.ask, version: '1', fetch, now: () => NOW });
  const host = restart();
  const run = async (lnurl: string): Promise<Json> => {
    const reply = await host.handle(SHOP, { amplet: 1, id: 1, method: 'lnurl', params: { lnurl } });
    return reply!.ok ? reply!.result : { error: reply!.error.name };
  };
  return { wallet, user, store, asked, run, answers, restart };
}

export const METADATA = '[["text/plain","a tip for Zo\u00eb"],["image/png;base64","AA=="]]';

export interface Service {
  readonly min?: unknown;
  readonly max?: unknown;
  readonly metadata?: string;
  readonly payerData?: unknown;
  /** What comes with the invoice. */
  readonly more?: (invoice: string) => object;
}

export function payService({
  min = 1_000,
  max = 9_000,
  metadata = METADATA,
  payerData,
  more = () => ({}),
}: Service = {}) {
  const invoices: { from: (amountMsat: bigint) => Partial<InvoiceDetails> } = { from: () => ({}) };
  const all = harness({
    'https://tips.example/.well-known/lnurlp/zoe': () => ({
      tag: 'payRequest',
      callback: 'https://tips.example/pay?user=zoe',
      minSendable: min,
      maxSendable: max,
      metadata,
      commentAllowed: 5,
      payerData,
    }),
    'https://tips.example/pay': (url) => {
      const amountMsat = BigInt(url.searchParams.get('amount')!);
      const pr = all.wallet.issue(amountMsat, invoices.from(amountMsat));
      return { pr, routes: [], ...more(pr) };
    },
  });
  return { ...all, invoices };
}
