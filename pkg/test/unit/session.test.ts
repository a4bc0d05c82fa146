import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'vitest';
import {
  PaidFetchError,
  PaymentSessions,
  type Session,
  type SessionStore,
  payingFetch,
  readSessionChallenge,
} from '../../src/provider.ts';
import type { Outcome } from '../../src/sites/types.ts';
import type { Payer, InvoiceFacts } from '../../src/sites/http402/types.ts';
import { FakeStore } from './site-fakes.ts';

const NOW = Date.parse('2026-11-22T20:00:00Z');
const URL_ = 'https://llm.example/generate';
const sha256 = (hex: string): string => createHash('sha256').update(Buffer.from(hex, 'hex')).digest('hex');
const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

class Store implements SessionStore {
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

class FakePayer implements Payer {
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
      expiresMs: NOW + 600_000,
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

interface Book {
  deposit: number;
  spent: number;
  returnInvoice: string;
  status: 'open' | 'closed';
}

/** A server as draft-lightning-session-00 has it, selling words at 2 sat out of deposits of 6. */
function harness({ maxDepositMsat = 10_000n, maxTotalMsat = 30_000n, words = 5 } = {}) {
  const payer = new FakePayer();
  const store = new Store();
  const issued = new Map<string, { request: string; paymentHash: string; sat: number }>();
  const done = new Map<string, Response>();
  const sessions = new Map<string, Book>();
  const actions: string[] = [];
  const server = { change: (request: Record<string, unknown>) => request, takesOpen: true, methods: [] as string[] };
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
    const value = `Payment id="${id}", realm="llm", method="lightning", intent="session", request="${request}", expires="2026-11-22T20:05:00Z"`;
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
      now: () => NOW,
      onProblem: (error) => problems.push(error),
    });
    return {
      kept,
      paying: payingFetch({ payer, store: new FakeStore(), maxCostMsat: 1n, sessions: kept, fetch, now: () => NOW }),
    };
  };
  return {
    payer,
    store,
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

const fails = (code: string) => (error: unknown) => error instanceof PaidFetchError && error.code === code;
const data = (text: string): string[] =>
  [...text.matchAll(/^data: (\S+)$/gm)].map(([, word]) => word!).filter((word) => !word.startsWith('{'));

test('a deposit opens a session, a stream is topped up on the way, what is left comes back', async () => {
  const { paying, kept, payer, sessions, actions, store, expiries } = harness();
  const response = await paying(URL_);
  assert.deepEqual(data(await response.text()), ['word0', 'word1', 'word2', 'word3', 'word4', '[DONE]']);
  assert.deepEqual(actions, ['open', 'topUp']);
  const [book] = sessions.values();
  assert.deepEqual([book!.deposit, book!.spent, book!.returnInvoice], [12, 10, 'lnbcrt1return']);
  assert.ok(expiries[0]! >= 30 * 24 * 3_600);
  assert.equal((await store.get('https://llm.example'))?.depositedMsat, '12000');
  assert.deepEqual(await kept.close(URL_), { refundMsat: 2_000n, refund: 'succeeded' });
  assert.equal(await kept.close(URL_), null);
  assert.equal(payer.paid.length, 2);
});

test('the next request shows the session, and tops it up first when nothing is left', async () => {
  const { paying, actions, payer, make } = harness({ words: 3 });
  await (await paying(URL_)).text();
  const again = make();
  assert.equal(data(await (await again.paying(URL_, { method: 'POST', body: 'prompt' })).text()).length, 4);
  assert.deepEqual(actions, ['open', 'bearer', 'topUp', 'bearer']);
  assert.equal(payer.paid.length, 2);
});

test('challenges for a POST are asked for by POST', async () => {
  const { paying, server } = harness();
  await (await paying(URL_, { method: 'POST', body: 'prompt' })).text();
  assert.deepEqual(new Set(server.methods), new Set(['POST']));
});

test('a session that the server has closed is opened anew', async () => {
  const { paying, sessions, actions, payer } = harness({ words: 1 });
  await (await paying(URL_)).text();
  for (const book of sessions.values()) book.status = 'closed';
  await (await paying(URL_)).text();
  assert.deepEqual(actions, ['open', 'bearer', 'open']);
  assert.equal(payer.paid.length, 2);
});

test('ten requests at once open one session', async () => {
  const { paying, payer, actions } = harness({ words: 0 });
  await Promise.all(Array.from({ length: 10 }, async () => (await paying(URL_)).text()));
  assert.equal(payer.paid.length, 1);
  assert.deepEqual(actions, ['open', ...Array<string>(9).fill('bearer')]);
});

test('no more is deposited than is allowed', async () => {
  await assert.rejects(harness({ maxDepositMsat: 5_999n }).paying(URL_), fails('tooExpensive'));
  const { paying, payer, problems, release, server } = harness({ maxTotalMsat: 11_999n });
  const response = await paying(URL_);
  const reader = response.body!.getReader();
  let seen = '';
  while (!seen.includes('need-topup')) seen += new TextDecoder().decode((await reader.read()).value);
  while (problems.length === 0) await new Promise(setImmediate);
  assert.ok(fails('tooExpensive')(problems[0]));
  assert.equal(payer.paid.length, 1);
  server.takesOpen = false;
  release();
  await reader.cancel();
});

test('deposits that make no sense are not paid', async () => {
  const changes: ((request: Record<string, unknown>) => Record<string, unknown>)[] = [
    (request) => ({ ...request, depositAmount: '7' }),
    (request) => ({ ...request, amount: '7' }),
    (request) => ({ ...request, amount: '0' }),
    (request) => ({ ...request, currency: 'BTC' }),
    (request) => ({ ...request, paymentHash: '00'.repeat(32) }),
    (request) => ({ ...request, paymentHash: undefined }),
    (request) => ({ ...request, depositInvoice: undefined }),
    (request) => ({ ...request, depositInvoice: 'garbage' }),
  ];
  for (const change of changes) {
    const { paying, payer, server, store } = harness();
    server.change = change;
    await assert.rejects(paying(URL_), fails('badChallenge'));
    assert.deepEqual([payer.paid.length, store.all.size], [0, 0]);
  }
  assert.equal(readSessionChallenge('Basic realm="x"'), null);
});

test('a deposit that fails leaves nothing, one that is under way is waited for', async () => {
  const { paying, payer, store, make } = harness({ words: 1 });
  payer.ends = [() => new Error('the budget says no')];
  await assert.rejects(paying(URL_), fails('notPaid'));
  assert.equal(store.all.size, 0);
  payer.ends = [() => ({ state: 'pending' })];
  await assert.rejects(paying(URL_), fails('pending'));
  await assert.rejects(make().paying(URL_), fails('pending'));
  const invoice = payer.paid.at(-1)!;
  const { paymentHash, preimage } = payer.facts.get(invoice)!;
  payer.outcomes.set(paymentHash, { state: 'succeeded', preimage });
  // Another page, after the first one died: the deposit is credited, and shown.
  assert.equal(data(await (await make().paying(URL_)).text()).length, 2);
  assert.equal(payer.paid.length, 2);
});

test('a deposit that the server does not take is said as such, and is not paid again', async () => {
  const { paying, payer, server, make } = harness({ words: 1 });
  server.takesOpen = false;
  await assert.rejects(paying(URL_), fails('notDelivered'));
  await assert.rejects(make().paying(URL_), fails('notDelivered'));
  assert.equal(payer.paid.length, 1);
  server.takesOpen = true;
  await (await make().paying(URL_)).text();
  assert.equal(payer.paid.length, 1);
});

test('without sessions a server that offers only them is not paid, nor over plain HTTP', async () => {
  const { payer } = harness();
  const fetch = async () =>
    new Response('', {
      status: 402,
      headers: { 'www-authenticate': 'Payment id="1", realm="r", method="lightning", intent="session", request="e30"' },
    });
  await assert.rejects(
    payingFetch({ payer, store: new FakeStore(), maxCostMsat: 1_000n, fetch, now: () => NOW })(URL_),
    fails('badChallenge'),
  );
  const plain = harness();
  await assert.rejects(plain.paying('http://llm.example/'), fails('insecure'));
  assert.equal(plain.payer.paid.length, 0);
});
