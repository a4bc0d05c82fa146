/** Options that are money: what is misspelled or misplaced is refused by its name, and nothing is asked of the engine. */

import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { WalletError } from '../../src/base/error.ts';
import { named } from '../../src/base/named.ts';
import type { Request, Rules } from '../../src/base/protocol.ts';
import { Requests } from '../../src/wallet/requests.ts';
import { checkStream, type StreamOptions } from '../../src/wallet/stream/options.ts';

class Recorder extends Requests {
  readonly asked: Request[] = [];
  constructor() {
    super(async (request) => void this.asked.push(request));
  }
}

const rules: Rules = {
  perPaymentMsat: null,
  windows: [{ kind: 'calendar', period: 'day', limitMsat: 2_000_000n }],
  rate: null,
  totalMsat: null,
  expiresAt: null,
  askAboveMsat: 500_000n,
  purposes: [],
};
const holder = { kind: 'app', id: 'game' } as const;
const [payee, amountMsat, gateway, capacitySat] = ['02aa', 1n, '02bb', 5n];
const { totalMsat, ...partial } = rules;

/** Method, arguments, what the message names. */
const REFUSED: [keyof Requests, unknown[], RegExp][] = [
  ['receive', [{ amountSat: 1000n }], /`receive` knows no `amountSat`.*`amountMsat`/],
  ['receive', [1000n], /`receive` takes its options by name.*`amountMsat`/],
  ['receive', ['1000'], /by name/],
  ['receive', [null], /by name/],
  ['receive', [[1000n]], /by name/],
  ['pay', ['lnbc1', 1000n], /`pay` takes its options by name/],
  ['pay', ['lnbc1', { maxFee: 1n }], /`pay` knows no `maxFee`.*`maxFeeMsat`/],
  ['pay', ['lnbc1', { maxFeeSat: 1n, amountMsat }], /`maxFeeSat`/],
  ['pay', ['lnbc1', { authorization: { holder, approved: 1n } }], /`authorization` knows no `approved`/],
  ['pay', ['lnbc1', { authorization: { holder, approvedMsat: 1 } }], /approvedMsat/],
  ['pay', ['lnbc1', { authorization: { holder, records: {} } }], /`authorization.records` is a list/],
  [
    'pay',
    ['lnbc1', { authorization: { holder, records: [{ key: 'a', value: { at: 1 } }] } }],
    /records.value` is a text/,
  ],
  ['setSiteRecords', [[{ key: 'a' }]], /`records.value` is a text/],
  ['setSiteRecords', [[{ key: 'a', text: '1', value: null }]], /`records` knows no `text`/],
  ['setSiteRecords', [{ key: 'a', value: null }], /`records` is a list/],
  ['inspect', ['lnbc1', { amount: 1n }], /`inspect` knows no `amount`/],
  ['inspect', ['lnbc1', 1n], /by name/],
  ['quoteFee', [{ payee, amountMsat, maxFeeMsat: 1n }], /`quoteFee` knows no `maxFeeMsat`/],
  ['keysend', [{ payee, amountMsat, maxFee: 1n }], /`keysend` knows no `maxFee`/],
  ['keysend', [payee, 1n], /by name/],
  ['keysend', [{ payee, amountMsat, authorization: { holder, limit: 1n } }], /`limit`/],
  ['send', ['bc1', 1n, { feerate: 1n }], /`send` knows no `feerate`.*`feeRate`/],
  ['send', ['bc1', 1n, 250n], /by name/],
  ['send', ['bc1', 1n, { dryrun: true }], /`dryrun`/],
  ['bumpFee', ['id', { feerate: 1n }], /`bumpFee` knows no `feerate`/],
  ['bumpFee', ['id', { fromamount: true }], /`fromamount`/],
  ['bumpFee', ['id', 1n], /by name/],
  ['cancel', ['id', { fromAmount: true }], /`cancel` knows no `fromAmount`/],
  ['preview', [{ amountMsat, maxFee: 1n, authorization: { holder } }], /`preview` knows no `maxFee`/],
  ['openChannel', [{ gateway, capacitySat, capacity: 1n }], /`openChannel` knows no `capacity`/],
  ['requestChannel', [{ gateway, capacitySat, feeMsat: 1n }], /`requestChannel` knows no `feeMsat`/],
  ['closeChannel', ['id', { forced: true }], /`closeChannel` knows no `forced`/],
  ['closeChannel', ['id', true], /by name/],
  ['spending', [{ since: '2026-11-01' }], /`spending` knows no `since`/],
  ['openBudget', [{ holder, rules, total: 1n }], /`openBudget` knows no `total`/],
  ['openBudget', [{ holder, rules: { ...rules, perPayment: 1n } }], /`rules` knows no `perPayment`/],
  ['openBudget', [{ holder, rules: partial }], /`totalMsat` is missing/],
  ['setBudgetRules', [1, { totalMsat: 5n }], /is missing/],
  [
    'setBudgetRules',
    [1, { ...rules, windows: [{ ...rules.windows[0], limit: 1n }] }],
    /`rules.windows` knows no `limit`/,
  ],
  ['setBudgetRules', [1, { ...rules, windows: null }], /`rules.windows`/],
  ['setBudgetRules', [1, { ...rules, rate: { perSecondMsat: 1n, keepSecs: 5 } }], /`rules.rate` knows no `keepSecs`/],
  ['setBudgetRules', [1, undefined], /missing/],
];

test('what is misspelled or misplaced is refused by name, and not sent', async () => {
  const wallet = new Recorder();
  for (const [method, args, message] of REFUSED) {
    const call = wallet[method] as unknown as (...args: unknown[]) => Promise<unknown>;
    await assert.rejects(
      call.apply(wallet, args),
      (error: WalletError) => error.code === 'invalidInput' && message.test(error.message),
      `${method}(${args.map(String).join()}): ${String(message)}`,
    );
  }
  assert.deepEqual([wallet.asked, totalMsat], [[], null]);
});

test('what is right, or left out, is taken as before', async () => {
  const wallet = new Recorder();
  await wallet.receive();
  await wallet.receive({});
  await wallet.receive({ amountMsat: undefined });
  await wallet.receive({ unheardOf: undefined } as object);
  await wallet.setBudgetRules(1, rules);
  await wallet.setBudgetRules(1, { ...rules, rate: { perSecondMsat: 1n, keepSeconds: 5 } });
  await wallet.closeChannel('id');
  await wallet.cancel('id');
  await wallet.bumpFee('id', { feeRate: 1n, fromAmount: true, signal: new AbortController().signal });
  assert.equal(wallet.asked.length, 9);
});

test('the name that is spelled likest is told, if one is alike', async () => {
  for (const [given, message] of [
    [{ amountSat: 1n }, /\(is `amountMsat` meant\?\)/],
    [{ descripton: 'tea' }, /\(is `description` meant\?\)/],
    [{ EXPIRYSECS: 60 }, /\(is `expirySecs` meant\?\)/],
    [{ xyz: 1n }, /^(?!.*meant)/],
  ] as const)
    await assert.rejects(new Recorder().receive(given as object), message);
  const wrong: object = { creat: true };
  assert.throws(() => void named<object>('open', wrong, { create: true }), /`create` meant/);
});

test('streams: a price that is misspelled is none', () => {
  const stream = { to: { nodeId: payee, session: 's' }, ratePerSecondMsat: 1n, creditMsat: 5n };
  checkStream(stream);
  for (const [bad, message] of [
    [{ ...stream, maxFee: 1n }, /`stream` knows no `maxFee`/],
    [{ ...stream, to: { ...stream.to, amountMsat } }, /`stream.to` knows no `amountMsat`/],
    [{ ...stream, authorization: { holder, rate: 1n } }, /`authorization` knows no `rate`/],
  ] as const)
    assert.throws(() => checkStream(bad as unknown as StreamOptions), message);
});
