// A payment that is not waited for to its end: its outcome is open, and the id that finds it is told.

import assert from 'node:assert/strict';
import { beforeEach, test, vi } from 'vitest';
import { paymentHash } from '../../src/base/bolt11.ts';
import { toData, toError } from '../../src/base/error.ts';
import { type Payment } from '../../src/base/protocol.ts';
import type { EngineHost } from '../../src/engine/host.ts';
import { type OpenOptions, Wallet, WalletError } from '../../src/index.ts';
import { Origin, sleep } from './fakes.ts';

const page = { origin: new Origin(), hosts: [] as EngineHost[] };

vi.mock('#platform', async () => (await import('./fake-platform.ts')).fakePlatform(() => page));

const OPTIONS: OpenOptions = { name: 'main', network: 'regtest', gateways: [], passphrase: 'p', create: true };
/** BOLT 11's first example, and its payment hash. */
const INVOICE =
  'lnbc1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdpl2pkx2ctnv5sxxmmwwd5kgetjypeh2ursdae8g6twvus8g6rfwvs8qun0dfjkxaq9qrsgq357wnc5r2ueh7ck6q93dj32dlqnls087fxdwk8qakdyafkq3yap9us6v52vjjsrvywa6rt52cm9r9zqt8r2t7mlcwspyetp5h2tztugp9lfyql';
/** One for AMP, of the node's tests. */
const AMP_INVOICE =
  'lnbcrt15m1p4s6ge0dq9w3jkznp4qg9uqj8uv7rnt2twrunp3y0cfxwctpq7xhypd3hk9qzgm32kl7u3upp54yc2cas5utnyn4fv78lg6t843q7aldmhpdgp7cm3sges86xu4zqssp5hr9mujefcpkryeflzt7mwsdze2787h8r3cxxzh2dawy4cv7u4ffq9q8pqqqsgqcqzynxqrrsstqk4ggcga4tjpq8u2jclpu9dp8rvvemc0vh4x0u4hjartpf5nf0pr08pg83vv50af5vcscx8y74l7uxucfljt0x6hj9c7gxawfsyazgqqz5g9y';
const HASH = '0001020304050607080900010203040506070809000102030405060708090102';
const BEGUN = 'cd'.repeat(32);
const NODE = `02${'11'.repeat(32)}`;

async function failure(paying: Promise<Payment>): Promise<WalletError> {
  const error = await paying.then(
    () => assert.fail('it rejects'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof WalletError);
  return error;
}

beforeEach(() => Object.assign(page, { origin: new Origin(), hosts: [] }));

test('the payment hash is read from an invoice, and from nothing else', () => {
  assert.equal(paymentHash(INVOICE), HASH);
  assert.equal(paymentHash(` lightning:${INVOICE.toUpperCase()} `), HASH);
  for (const text of [
    `lightning://${INVOICE}`,
    `LIGHTNING: ${INVOICE.toUpperCase()}`,
    `\u200b${INVOICE.slice(0, 76)}\r\n${INVOICE.slice(76)}\u00a0`,
    `Pay me: lightning:${INVOICE} thanks!`,
    `bitcoin:bcrt1q?amount=1&lightning=${INVOICE}`,
  ])
    assert.equal(paymentHash(text), HASH, text);
  // Each payment of an AMP invoice has an id of its own.
  for (const text of ['', 'lnbc1', 'bcrt1q', INVOICE.slice(0, -1), AMP_INVOICE])
    assert.equal(paymentHash(text), null, text);
});

test('a payment under way when the wallet is closed is open, under the id of its invoice', async () => {
  const wallet = await Wallet.open(OPTIONS);
  const paying = failure(wallet.pay(INVOICE));
  await wallet.close();
  const error = await paying;
  assert.deepEqual([error.code, error.outcome, error.paymentId], ['closed', 'open', HASH]);
  assert.match(error.message, /may still succeed/);
});

test('a payment under way when the wallet is locked or taken over is open, whatever the code', async () => {
  const wallet = await Wallet.open(OPTIONS);
  const paying = failure(wallet.pay(INVOICE));
  await sleep(10);
  await wallet.lock();
  const error = await paying;
  assert.deepEqual([error.code, error.outcome, error.paymentId], ['closed', 'open', HASH]);
});

test('a payment under way when the engine crashes is open', async () => {
  const wallet = await Wallet.open(OPTIONS);
  const paying = failure(wallet.pay(INVOICE));
  await sleep(10);
  page.hosts[0]!.crash(new Error('trap'));
  const error = await paying;
  assert.deepEqual([error.code, error.outcome, error.paymentId], ['walletCrashed', 'open', HASH]);
  assert.deepEqual(error.causes.length, 1);
});

test('a payment without an invoice has the id that the engine told when it began it', async () => {
  const wallet = await Wallet.open(OPTIONS);
  const paying = failure(wallet.keysend({ payee: NODE, amountMsat: 1_000n }));
  await sleep(10);
  await wallet.close();
  const error = await paying;
  assert.deepEqual([error.outcome, error.paymentId], ['open', BEGUN]);
});

test('a payment that is asked of a closed wallet was not sent, and what is no payment says nothing of one', async () => {
  const wallet = await Wallet.open(OPTIONS);
  const asking = wallet.newAddress().catch((thrown: unknown) => thrown);
  await wallet.close();
  const error = await failure(wallet.pay(INVOICE));
  assert.deepEqual([error.code, error.outcome, error.paymentId], ['closed', 'notSent', undefined]);
  assert.equal(((await asking) as WalletError).outcome, undefined);
});

test('the outcome crosses a port', () => {
  const error = new WalletError('closed', 'gone', [], [], { outcome: 'open', paymentId: HASH });
  const crossed = toError(structuredClone(toData(error)));
  assert.deepEqual([crossed.outcome, crossed.paymentId], ['open', HASH]);
});
