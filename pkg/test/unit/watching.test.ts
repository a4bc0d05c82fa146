/** Waiting for an invoice, the live list of payments, JSON, gateways by address. */

import assert from 'node:assert/strict';
import { beforeEach, test, vi } from 'vitest';
import type { Payment, Request } from '../../src/base/protocol.ts';
import type { EngineHost } from '../../src/engine/host.ts';
import { Wallet } from '../../src/index.ts';
import { Requests } from '../../src/wallet/requests.ts';
import { Origin, sleep } from './fakes.ts';

const page = { origin: new Origin(), hosts: [] as EngineHost[] };

vi.mock('#platform', async () => (await import('./fake-platform.ts')).fakePlatform(() => page));

const HASH = 'ab'.repeat(32);
const received = (state: Payment['state'], more: object = {}): Payment =>
  ({ id: HASH, direction: 'inbound', state, createdAt: 5n, amountMsat: 7n, ...more }) as Payment;

let wallet: Wallet;
beforeEach(async () => {
  Object.assign(page, { origin: new Origin(), hosts: [] });
  wallet = await Wallet.open({ name: 'main', network: 'regtest', gateways: [], passphrase: 'p', create: true });
});

const engine = () => page.origin.engines[0]!;
const change = (payment: Payment): void =>
  engine().listeners.forEach((tell) => tell({ notice: 'paymentChanged', payment }));

test('paid waits for the invoice, and sees what was paid before', async () => {
  engine().payments.set(HASH, received('pending'));
  const waiting = wallet.paid(HASH);
  await sleep(5);
  change({ ...received('succeeded'), id: 'another' });
  change(received('pending'));
  change(received('succeeded'));
  assert.equal((await waiting).state, 'succeeded');
  engine().payments.set(HASH, received('succeeded'));
  assert.equal((await wallet.paid(HASH)).state, 'succeeded');
});

test('paid ends with its signal, the invoice, or the wallet', async () => {
  engine().payments.set(HASH, received('pending'));
  const stop = new AbortController();
  const stopped = assert.rejects(wallet.paid(HASH, { signal: stop.signal }), /enough/);
  stop.abort(new Error('enough'));
  await stopped;
  const late = assert.rejects(wallet.paid(HASH), { code: 'expired' });
  await sleep(5);
  change(received('failed', { error: { code: 'expired', message: 'too late', causes: [] } }));
  await late;
  await assert.rejects(wallet.paid('none'), { code: 'invalidInput' });
  await assert.rejects(wallet.paid(HASH, { timeout: 5 } as object), /knows no `timeout`/);
  const closing = assert.rejects(wallet.paid(HASH), { code: 'closed' });
  await wallet.close();
  await closing;
});

test('the list of payments is told at first and at each change, newest first, each once', async () => {
  const lists: string[][] = [];
  engine().payments.set('old', { ...received('succeeded'), id: 'old', createdAt: 1n });
  engine().payments.set(HASH, received('pending'));
  const stop = new AbortController();
  await wallet.onPayments((list) => lists.push(list.map(({ id, state }) => `${id.slice(0, 3)} ${state}`)), {
    limit: 2,
    signal: stop.signal,
  });
  change(received('succeeded'));
  change({ ...received('succeeded'), id: 'new', createdAt: 9n });
  await sleep(5);
  stop.abort();
  change({ ...received('succeeded'), id: 'newest', createdAt: 10n });
  await sleep(5);
  assert.deepEqual(lists, [
    ['aba pending', 'old succeeded'],
    ['aba succeeded', 'old succeeded'],
    ['new succeeded', 'aba succeeded'],
  ]);
  await assert.rejects(
    wallet.onPayments(() => {}, { limit: 500 }),
    { code: 'invalidInput' },
  );
});

test('answers and notices can be written as JSON, amounts as texts', async () => {
  assert.equal(JSON.stringify({ balance: await wallet.balance() }), '{"balance":{"spendableMsat":"7"}}');
  assert.deepEqual(Object.keys(await wallet.balance()), ['spendableMsat']);
  const told = new Promise<Payment>((heard) => wallet.onPayment(heard));
  change(received('pending'));
  assert.match(JSON.stringify([await told]), /"createdAt":"5","amountMsat":"7"/);
});

test('a channel takes the gateway by its id or by the very address that open was given', async () => {
  const asked: Request[] = [];
  class Recorder extends Requests {
    constructor() {
      super(async (request) => void asked.push(request));
    }
  }
  const recorder = new Recorder();
  await recorder.openChannel({ gateway: '02aa@wss://g.example/v1', capacitySat: 1n });
  await recorder.requestChannel({ gateway: '02aa', capacitySat: 1n });
  assert.deepEqual(
    asked.map((request) => 'gateway' in request && request.gateway),
    ['02aa', '02aa'],
  );
});
