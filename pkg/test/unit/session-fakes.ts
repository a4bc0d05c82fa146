/** A server that sells by the unit out of deposits, and its client. */

import { createHash, randomBytes } from 'node:crypto';
import {
  PaidFetchError,
  PaymentSessions,
  type PaymentSessionsOptions,
  type Session,
  type SessionStore,
  payingFetch,
} from '../../src/provider.ts';
import type { Outcome } from '../../src/sites/types.ts';
import type { Payer, InvoiceFacts } from '../../src/sites/http402/types.ts';
import { FakeStore } from './site-fakes.ts';

export const NOW = Date.parse('2026-11-22T20:00:00Z');
export const URL_ = 'https://llm.example/generate';
export const sha256 = (hex: string): string => createHash('sha256').update(Buffer.from(hex, 'hex')).digest('hex');
export const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

export class Store implements SessionStore {
  readonly all = new Map<string, string>();
  async get(origin: string) {
    const text = this.all.get(origin);
    return text === undefined ? null : (JSON.parse(text) as Session);
  }
  async set(origin: string, session: Session) {
    this.all.set(origin, JSON.stringify(session));
  }
  async delete(origin: string) {
    this.all.delete(origin);
  }
}

export class FakePayer implements Payer {
  readonly facts = new Map<string, InvoiceFacts & { preimage: string }>();
  readonly outcomes = new Map<string, Outcome>();
  readonly paid: string[] = [];
  ends: ((preimage: string) => Outcome | Error)[] = [];

  issue(sat: number): { invoice: string; paymentHash: string; preimage: string } {
    const preimage = randomBytes(32).toString('hex');
    const facts = {
      amountMsat: BigInt(sat) * 1000n,
      paymentHash: sha256(preimage),
      network: 'regtest',
      expiresMs: NOW + 40 * 86_400_000,
      preimage,
    };
    this.facts.set(`inv${preimage}`, facts);
    return { invoice: `inv${preimage}`, paymentHash: facts.paymentHash, preimage };
  }
  async inspect(invoice: string) {
    const facts = this.facts.get(invoice);
    if (!facts) throw new Error('this is no invoice');
    return facts;
  }
  async pay(invoice: string) {
    const { paymentHash, preimage } = await this.inspect(invoice);
    this.paid.push(invoice);
    const end = this.ends.shift()?.(preimage) ?? { state: 'succeeded' as const, preimage };
    if (end instanceof Error) throw end;
    this.outcomes.set(paymentHash, end);
    return end;
  }
  async lookup(paymentHash: string): Promise<Outcome> {
    return this.outcomes.get(paymentHash) ?? { state: 'failed', reason: 'there is no such payment' };
  }
}

export interface Book {
  deposit: number;
  spent: number;
  returnInvoice: string;
  status: 'open' | 'closed';
}

/** A server as draft-lightning-session-00 has it, selling words at 2 sat out of deposits of 6. */
export function harness({
  maxDepositMsat = 10_000n,
  maxTotalMsat = 30_000n,
  words = 5,
  ...more
}: { words?: number } & Partial<PaymentSessionsOptions> = {}) {
  const clock = { now: NOW };
  const payer = new FakePayer();
  const store = new Store();
  const issued = new Map<string, { request: string; paymentHash: string; sat: number }>();
  const done = new Map<string, Response>();
  const sessions = new Map<string, Book>();
  const actions: string[] = [];
  const server = {
    change: (request: Record<string, unknown>) => request,
    takesOpen: true,
    methods: [] as string[],
    /** Where redirects lead those who show nothing, and those who show something; empty: nowhere. */
    leads: { unpaid: '', paid: '' },
  };
  const waiting: (() => void)[] = [];
  let count = 0;

  const refuse = (problem?: string): Response => {
    const { invoice, paymentHash } = payer.issue(6);
    const request = base64url(
      server.change({
        amount: '2',
        currency: 'sat',
        depositAmount: '6',
        depositInvoice: invoice,
        paymentHash,
        unitType: 'word',
      }),
    );
    const id = `c${count++}`;
    issued.set(id, { request, paymentHash, sat: 6 });
    const value = `Payment id="${id}", realm="llm", method="lightning", intent="session", request="${request}", expires="2026-12-22T20:05:00Z"`;
    const body =
      problem === undefined ? null : JSON.stringify({ type: `https://paymentauth.org/problems/lightning/${problem}` });
    return new Response(body, { status: 402, headers: { 'www-authenticate': value, 'cache-control': 'no-store' } });
  };
  const stream = (book: Book): Response => {
    const encoder = new TextEncoder();
    const body = new ReadableStream<Uint8Array>({
      async start(controller) {
        for (let word = 0; word < words; word++) {
          while (book.deposit - book.spent < 2) {
            const event = 'event: payment-need-topup\ndata: {"balanceRequired":2}\n\n';
            controller.enqueue(encoder.encode(event.slice(0, 20)));
            controller.enqueue(encoder.encode(event.slice(20)));
            await new Promise<void>((resolve) => waiting.push(resolve));
          }
          book.spent += 2;
          controller.enqueue(encoder.encode(`data: word${word}\n\n`));
        }
        controller.enqueue(encoder.encode('data: [DONE]\n\n'));
        controller.close();
      },
    });
    return new Response(body, { headers: { 'content-type': 'text/event-stream; charset=utf-8' } });
  };
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    server.methods.push(request.method);
    const token = /^Payment ([A-Za-z0-9_-]+)$/.exec(request.headers.get('authorization') ?? '')?.[1];
    const led = token === undefined ? server.leads.unpaid : server.leads.paid;
    if (led !== '')
      return Object.defineProperties(refuse('session-closed'), { url: { value: led }, redirected: { value: true } });
    if (token === undefined) return refuse();
    const { challenge, payload } = JSON.parse(Buffer.from(token, 'base64url').toString()) as {
      challenge: Record<string, string>;
      payload: Record<string, string>;
    };
    const stored = issued.get(challenge['id']!);
    actions.push(payload['action']!);
    const before = done.get(challenge['id']!);
    if (before) return before.clone();
    if (!stored || stored.request !== challenge['request']) return refuse('unknown-challenge');
    if (payload['action'] === 'open') {
      if (!server.takesOpen || sha256(payload['preimage']!) !== stored.paymentHash) return refuse('invalid-preimage');
      const book: Book = { deposit: stored.sat, spent: 0, returnInvoice: payload['returnInvoice']!, status: 'open' };
      sessions.set(stored.paymentHash, book);
      return stream(book);
    }
    const book = sessions.get(payload['sessionId']!);
    if (!book) return refuse('session-not-found');
    if (book.status === 'closed') return refuse('session-closed');
    if (payload['action'] === 'topUp') {
      if (sha256(payload['topUpPreimage']!) !== stored.paymentHash) return refuse('invalid-preimage');
      book.deposit += stored.sat;
      const answer = Response.json({ status: 'ok' });
      done.set(challenge['id']!, answer.clone());
      for (const go of waiting.splice(0)) go();
      return answer;
    }
    if (sha256(payload['preimage']!) !== payload['sessionId']) return refuse('invalid-preimage');
    if (payload['action'] === 'bearer')
      return book.deposit - book.spent < 2 ? refuse('insufficient-balance') : stream(book);
    book.status = 'closed';
    const refundSats = book.deposit - book.spent;
    return Response.json({ status: 'closed', refundSats, refundStatus: refundSats > 0 ? 'succeeded' : 'skipped' });
  };
  const problems: unknown[] = [];
  const expiries: number[] = [];
  const make = () => {
    const returnInvoice = async (expirySecs: number) => (expiries.push(expirySecs), 'lnbcrt1return');
    const kept = new PaymentSessions({
      payer,
      store,
      returnInvoice,
      maxDepositMsat,
      maxTotalMsat,
      fetch,
      onProblem: (error) => problems.push(error),
      ...more,
      now: () => clock.now,
    });
    return {
      kept,
      paying: payingFetch({ payer, store: new FakeStore(), maxCostMsat: 1n, sessions: kept, fetch, now: () => NOW }),
    };
  };
  return {
    payer,
    store,
    clock,
    sessions,
    actions,
    server,
    problems,
    expiries,
    make,
    ...make(),
    release: () => waiting.splice(0).forEach((go) => go()),
  };
}

export const fails = (code: string) => (error: unknown) => error instanceof PaidFetchError && error.code === code;
export const data = (text: string): string[] =>
  [...text.matchAll(/^data: (\S+)$/gm)].map(([, word]) => word!).filter((word) => !word.startsWith('{'));
