/** What payingFetch is made of: its stores, its payers, its receipts, and what it says of an option that is wrong. */

import assert from 'node:assert/strict';
import { mkdtemp, readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'vitest';
import { invoiceFacts } from '../../src/base/bolt11.ts';
import { localStore, memoryStore, payingFetch, receiptFor, weblnPayer } from '../../src/provider.ts';
import { fileStore } from '../../src/sites/stores/file.ts';
import type { Store } from '../../src/sites/types.ts';
import { selling } from './fetch-fakes.ts';

/** BOLT 11, examples: 2500 uBTC in a minute; an hour, any amount. */
const COFFEE =
  'lnbc2500u1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdq5xysxxatsyp3k7enxv4jsxqzpu9qrsgquk0rl77nj30yxdy8j9vdx85fkpmdla2087ne0xh8nhedh8w27kyke0lp53ut353s06fv3qfegext0eh0ymjpf39tuven09sam30g4vgpfna3rh';
const DONATION =
  'lnbc1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdpl2pkx2ctnv5sxxmmwwd5kgetjypeh2ursdae8g6twvus8g6rfwvs8qun0dfjkxaq9qrsgq357wnc5r2ueh7ck6q93dj32dlqnls087fxdwk8qakdyafkq3yap9us6v52vjjsrvywa6rt52cm9r9zqt8r2t7mlcwspyetp5h2tztugp9lfyql';
const HASH = '0001020304050607080900010203040506070809000102030405060708090102';

test('an invoice is read as BOLT 11 has it', () => {
  assert.deepEqual(invoiceFacts(COFFEE), {
    amountMsat: 250_000_000n,
    paymentHash: HASH,
    network: 'mainnet',
    expiresMs: (1_496_314_658 + 60) * 1000,
  });
  const { amountMsat, expiresMs } = invoiceFacts(DONATION)!;
  assert.deepEqual([amountMsat, expiresMs], [null, (1_496_314_658 + 3600) * 1000]);
  for (const wrong of ['', 'lnbc1', COFFEE.slice(0, -1), `${COFFEE}q`]) assert.equal(invoiceFacts(wrong), null);
});

async function keeps(store: Store): Promise<void> {
  assert.equal(await store.get('a/1'), undefined);
  await store.set('a/1', { n: 1 });
  await Promise.all([store.set('a/2', 'two'), store.set('b/1', null), store.set('a/1', { n: 2 })]);
  assert.deepEqual([await store.get('a/1'), await store.get('b/1')], [{ n: 2 }, null]);
  await store.delete('a/2');
  await store.delete('a/9');
  assert.deepEqual([...(await store.keys('a/'))], ['a/1']);
}

test('the stores keep what they are given: memory, localStorage, a file', async () => {
  await keeps(memoryStore());
  const items = new Map<string, string>([['others', 'x']]);
  Object.defineProperty(globalThis, 'localStorage', {
    configurable: true,
    value: {
      getItem: (key: string) => items.get(key) ?? null,
      setItem: (key: string, text: string) => items.set(key, text),
      removeItem: (key: string) => items.delete(key),
      key: (at: number) => [...items.keys()][at] ?? null,
      get length() {
        return items.size;
      },
    },
  });
  try {
    await keeps(localStore());
  } finally {
    Reflect.deleteProperty(globalThis, 'localStorage');
  }
  assert.equal(items.get('others'), 'x');
  const path = join(await mkdtemp(join(tmpdir(), 'amplet-store-')), 'paid.json');
  await keeps(fileStore(path));
  assert.deepEqual(JSON.parse(await readFile(path, 'utf8')), { 'a/1': { n: 2 }, 'b/1': null });
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.deepEqual(await fileStore(path).get('a/1'), { n: 2 });
});

test('an answer has the receipt of what opened it', async () => {
  const { paying, payer, fetch } = selling();
  const first = await paying('https://shop.example/a');
  const receipt = receiptFor(first);
  assert.deepEqual([receipt?.url, receipt?.amountMsat], ['https://shop.example/a', 10_000n]);
  assert.equal(receipt?.invoice, payer.paid[0]?.invoice);
  assert.match(receipt?.preimage ?? '', /^[0-9a-f]{64}$/);
  assert.equal(receiptFor(await paying('https://shop.example/b'))?.paymentHash, receipt?.paymentHash, 'used again');
  assert.equal(receiptFor(await fetch('https://shop.example/a')), null);
});

test('what the wallet says against a payment is the cause', async () => {
  const { paying, payer } = selling();
  const refusal = Object.assign(new Error('too much for today'), { code: 'budgetRefused' });
  payer.answer = () => refusal;
  await assert.rejects(paying('https://shop.example/a'), { code: 'notPaid', cause: refusal });
});

test('an option that is missing, misspelled or no amount is told at once', () => {
  const right = { payer: weblnPayer(FAKE), store: memoryStore(), maxCostMsat: 1n };
  payingFetch(right);
  for (const [wrong, message] of [
    [undefined, /`payer` is .*walletPayer/],
    [null, /by name/],
    [{ ...right, store: undefined }, /`store` is a store/],
    [{ ...right, payer: {} }, /`payer` is what pays/],
    [{ ...right, maxCost: 1n }, /knows no `maxCost`.*`maxCostMsat` meant/],
    [{ ...right, maxCostMsat: 500 }, /bigint/],
  ] as const)
    assert.throws(() => payingFetch(wrong as typeof right), { code: 'invalidInput', message });
});

const FAKE = { enable: async () => {}, sendPayment: async () => ({ preimage: 'CD'.repeat(32) }) };

test('a WebLN wallet pays, within the limit, and what it refused was not paid', async () => {
  const purpose = { origin: 'https://shop.example', maxCostMsat: 250_000_000n };
  const payer = weblnPayer(FAKE);
  assert.deepEqual(await payer.pay(COFFEE, purpose), { state: 'succeeded', preimage: 'cd'.repeat(32) });
  assert.equal((await payer.lookup(HASH)).state, 'succeeded');
  const cheap = weblnPayer(FAKE);
  await assert.rejects(cheap.pay(COFFEE, { ...purpose, maxCostMsat: 1n }), { code: 'tooExpensive' });
  assert.equal((await cheap.lookup(HASH)).state, 'failed');
  await assert.rejects(payer.inspect('lnbc1'), /no Lightning invoice/);
  for (const [said, state] of [
    ['User rejected', 'failed'],
    ['Failed to fetch', 'pending'],
  ] as const) {
    const refusing = weblnPayer({ ...FAKE, sendPayment: () => Promise.reject(new Error(said)) });
    await assert.rejects(refusing.pay(COFFEE, purpose));
    assert.equal((await refusing.lookup(HASH)).state, state);
  }
});
