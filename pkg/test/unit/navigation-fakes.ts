// Sites that cost money, and a tab that visits them.

import assert from 'node:assert/strict';
import { type NavigationResponse, type NavigationStep, SiteHost, TopLevel402 } from '../../src/provider.ts';
import { FakeWallet, NOW, User, sha256 } from './site-fakes.ts';

export const ORIGIN = 'https://news.example';
export const PAGE = `${ORIGIN}/today`;
const SITE = `${ORIGIN} ${ORIGIN}`;

export type Answer = Partial<Omit<NavigationResponse, 'tabId' | 'url'>> & { statusCode: number };
export type Server = (url: string, authorization: string | null, issue: (amountMsat?: bigint) => string) => Answer;

export const l402 = (invoice: string, token = 'mac', scheme = 'L402'): Answer => ({
  statusCode: 402,
  headers: [{ name: 'WWW-Authenticate', value: `${scheme} version="0", token="${token}", invoice="${invoice}"` }],
});

/** A shop that sells one credential for 10 sat, good for every page. */
export const shop: Server = (_url, authorization, issue) => {
  const [, token = '', preimage = ''] = /^L402 (\S+):([0-9a-f]{64})$/.exec(authorization ?? '') ?? [];
  if (preimage !== '' && token === sha256(preimage))
    return { statusCode: 200, headers: [{ name: 'content-length', value: '12' }] };
  const invoice = issue();
  return l402(invoice, invoiceHash(invoice));
};

export const invoiceHash = (invoice: string): string => sha256(invoice.slice('lnbcrt1'.length));

/** Single use, as the "Payment" scheme has it. */
export function charging({
  delivers = true,
  expires = '2026-11-22T20:05:00Z',
  params = '',
}: { delivers?: boolean; expires?: string; params?: string } = {}): Server {
  const open = new Map<string, string>();
  const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  let count = 0;
  return (_url, authorization, issue) => {
    const token = /^Payment (\S+)$/.exec(authorization ?? '')?.[1];
    if (token) {
      const { challenge, payload } = JSON.parse(Buffer.from(token, 'base64url').toString());
      const hash = open.get(challenge.id);
      open.delete(challenge.id);
      if (hash === sha256(payload.preimage)) return delivers ? { statusCode: 200 } : { statusCode: 500 };
    }
    const invoice = issue();
    const id = `c${count++}`;
    open.set(id, invoiceHash(invoice));
    const request = base64url({ amount: '10', currency: 'sat', methodDetails: { invoice, network: 'regtest' } });
    const value = `Payment id="${id}", realm="news", method="lightning", intent="charge", request="${request}", expires="${expires}"${params}`;
    return { statusCode: 402, headers: [{ name: 'www-authenticate', value }] };
  };
}

/** A browser with a tab: loads pages as the machine says. */
export function harness(server: Server, { budget = 1_000_000n }: { budget?: bigint | null } = {}) {
  const wallet = new FakeWallet();
  if (budget !== null) wallet.budgets.set(SITE, budget);
  const user = new User();
  const { store } = wallet;
  const clock = { now: NOW };
  const make = () => {
    const host = new SiteHost({ wallet, ask: user.ask, version: '1', now: () => clock.now });
    return new TopLevel402({ payments: host.payments, wallet, now: () => clock.now });
  };
  const state = { machine: make(), server };
  const seen: (string | null)[] = [];
  const respond = (
    url: string,
    authorization: string | null,
    tabId = 1,
    more: Partial<NavigationResponse> = {},
  ): NavigationResponse => {
    seen.push(authorization);
    const answer = state.server(url, authorization, (amountMsat) => wallet.issue(amountMsat));
    return { tabId, url, method: 'GET', type: 'main_frame', headers: [], ...answer, ...more };
  };
  /** What the tab does until nothing is to be done: the last step, and how often it loaded. */
  const visit = async (url = PAGE, { tabId = 1, method = 'GET' }: { tabId?: number; method?: string } = {}) => {
    let step: NavigationStep = await state.machine.observe(respond(url, null, tabId, { method }));
    let loads = 1;
    for (; step.do === 'reload' && loads < 20; loads++) {
      assert.deepEqual([step.tabId, step.url], [tabId, url]);
      step = await state.machine.observe(respond(step.url, step.authorization, tabId));
    }
    return { step, loads, problem: step.do === 'show' ? step.problem : null };
  };
  return { wallet, user, store, clock, state, seen, respond, visit, restart: () => (state.machine = make()) };
}
