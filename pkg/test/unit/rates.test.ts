/** Prices: what a gateway says, as far as it is what it should be. */

import assert from 'node:assert/strict';
import { afterEach, test, vi } from 'vitest';
import { loadRates } from '../../src/index.ts';
import { fakeWallet } from '../../src/testing.ts';

const NODE = `02${'79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798'}`;
const asked: string[] = [];

function gateway(status: number, body: unknown): void {
  vi.stubGlobal('fetch', async (url: string) => {
    asked.push(url);
    if (status === 0) throw new TypeError('Failed to fetch');
    return new Response(typeof body === 'string' || body === null ? body : JSON.stringify(body), { status });
  });
}
afterEach(() => {
  vi.unstubAllGlobals();
  asked.length = 0;
});

test('a gateway is asked at its own host, and what is no price is left out', async () => {
  gateway(200, {
    perBtc: { EUR: 51_000.5, usd: 3, GBP: -1, CHF: '5', JPY: null },
    sources: ['a.example'],
    at: 1_800_000_000,
  });
  const rates = await loadRates({
    trustZeroConf: false,
    address: `${NODE}@wss://gateway.example:8443/lightning/v1#token=x`,
  });
  assert.deepEqual(rates, { perBtc: { EUR: 51_000.5 }, sources: ['a.example'], at: 1_800_000_000 });
  await loadRates(`${NODE}@ws://127.0.0.1:80/lightning/v1`);
  assert.deepEqual(asked, ['https://gateway.example:8443/rates/v1', 'http://127.0.0.1/rates/v1']);
});

test('nothing is made up', async () => {
  const address = `${NODE}@wss://gateway.example/lightning/v1`;
  for (const [status, body] of [
    [204, null],
    [404, ''],
    [503, ''],
    [200, 'no JSON'],
    [200, 'null'],
    [200, { perBtc: null, sources: [], at: 1 }],
    [200, { perBtc: {}, sources: [] }],
    [0, ''],
  ] as const) {
    gateway(status, body);
    assert.equal(await loadRates(address), null, String(body));
  }
  await assert.rejects(loadRates('gateway.example'), { code: 'invalidInput' });
});

test('a payment keeps the price of its moment', async () => {
  const [payer, payee] = [fakeWallet({ balanceMsat: 10_000n }), fakeWallet()];
  const rate = { currency: 'EUR', minorUnitsPerBtc: 5_100_050n, at: 1_800_000_000n };
  await payer.setRate(rate);
  const { invoice, paymentHash } = await payee.receive({ amountMsat: 1_000n });
  assert.deepEqual((await payer.pay(invoice)).rate, rate);
  assert.equal((await payee.payment(paymentHash)).rate, undefined);
});
