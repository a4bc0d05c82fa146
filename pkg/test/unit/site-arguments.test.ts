/** What sites really send, and what of it is taken. */

import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { Json } from '../../src/provider.ts';
import { makeWebln } from './site-page.ts';
import { budget, harness } from './site-harness.ts';

const destination = `02${'11'.repeat(32)}`;

test('makeInvoice: nothing, null and 0 are for the user to choose, whole numbers are what they are, the rest is refused', async () => {
  const { wallet, user, call } = harness();
  user.answer = () => ({ allowed: true, amountMsat: 7_000n });
  const webln = makeWebln(call);
  const makeInvoice = webln.makeInvoice as (...args: unknown[]) => Promise<unknown>;
  const made = async (...args: unknown[]): Promise<bigint | null> => {
    const { paymentRequest } = (await makeInvoice(...args)) as { paymentRequest: string };
    return wallet.invoices.get(paymentRequest)!.amountMsat;
  };
  for (const args of [
    [],
    [0],
    ['0'],
    ['0.0'],
    [''],
    [null],
    [{}],
    [{ amount: 0, defaultMemo: 'tip' }],
    [{ amount: null, minimumAmount: 5, maximumAmount: 10 }],
    [{ amount: 0, minimumAmount: 0, maximumAmount: 0, defaultAmount: 0 }],
  ]) {
    const before = user.asked.length;
    assert.equal(await made(...args), 7_000n, JSON.stringify(args));
    assert.equal(user.asked.length, before + 1, JSON.stringify(args));
  }
  const last = user.asked.at(-1);
  assert.ok(last?.kind === 'invoice');
  assert.deepEqual([last.minMsat, last.maxMsat, last.defaultMsat], [null, null, null]);
  const { length } = user.asked;
  for (const amount of [
    1000,
    '1000',
    '1000.0',
    '1000.',
    ' 1000 ',
    1000.0,
    1000n,
    { amount: '1000' },
    { amount: '1000.00' },
  ])
    assert.equal(await made(amount), 1_000_000n, String(amount));
  assert.equal(user.asked.length, length, 'nobody is asked about a fixed amount');
  for (const amount of [
    99.6,
    -1,
    '1,000',
    '1 000',
    '1e3',
    'ten',
    Number.NaN,
    true,
    { amount: 99.6 },
    { amount: { sat: 1 } },
  ]) {
    if (Number.isNaN(amount)) continue; // JSON makes null of it
    await assert.rejects(made(amount), { name: 'InvalidDataError' }, JSON.stringify(amount));
  }
  assert.equal(user.asked.length, length);
});

test('an invoice may come with `lightning://` and white space', async () => {
  const { wallet, call } = harness();
  budget(wallet, 10n ** 6n);
  for (const around of [
    (invoice: string) => `lightning://${invoice}`,
    (invoice: string) => ` LIGHTNING: ${invoice}\n`,
  ]) {
    const { ok } = await call('sendPayment', { paymentRequest: around(wallet.issue()) });
    assert.equal(ok, true);
  }
});

const hex = (text: string): string => Buffer.from(text).toString('hex');

test('keysend: numbers are sent as their text, and what cannot be sent is named', async () => {
  const { wallet, ok, fails } = harness();
  budget(wallet, 10n ** 6n);
  const boost = '{"podcast":"P","value_msat_total":10000.5,"action":"boost"}';
  const sent: [Json, [bigint, string][]][] = [
    [
      { 7629169: boost, 696969: 123 },
      [
        [696969n, hex('123')],
        [7629169n, hex(boost)],
      ],
    ],
    [{ 34349334: 'Gr\u00fc\u00dfe \u26a1' }, [[34349334n, hex('Gr\u00fc\u00dfe \u26a1')]]],
    [{ 65536: 0.5 }, [[65536n, hex('0.5')]]],
    [{ 65536: '' }, [[65536n, '']]],
    [{ 65536: 'x'.repeat(1_024) }, [[65536n, hex('x'.repeat(1_024))]]],
  ];
  for (const [customRecords, records] of sent) {
    await ok('keysend', { destination, amount: '10', customRecords });
    assert.deepEqual(
      wallet.sent.at(-1)!.records.map(({ type, value }) => [type, value]),
      records,
    );
  }
  const before = wallet.sent.length;
  for (const [name, value, what] of [
    ['7629169', { podcast: 'P' }, /JSON\.stringify/],
    ['7629169', ['a'], /JSON\.stringify/],
    ['7629169', true, /neither a text nor a number/],
    ['7629169', null, /neither a text nor a number/],
    ['7629169', 'x'.repeat(1_025), /1025 bytes, and 1024/],
    ['7629169', '\u00e4'.repeat(513), /1026 bytes/],
    ['65535', 'x', /65536/],
    ['5', 'x', /65536/],
    ['065536', 'x', /65536/],
    ['9223372036854775808', 'x', /65536/],
    ['podcast', 'x', /65536/],
    ['5482373484', 'x', /keysend itself/],
  ] as const) {
    const message = await fails('InvalidDataError', 'keysend', {
      destination,
      amount: 7,
      customRecords: { 696969: 'fine', [name]: value },
    });
    assert.match(message, what);
    assert.ok(message.includes(`"${name}"`), message);
  }
  assert.equal(wallet.sent.length, before);
});
