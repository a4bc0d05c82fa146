import assert from 'node:assert/strict';
import { test } from 'vitest';
import { WalletError, toData, toError } from '../../src/base/error.ts';
import { Requests } from '../../src/wallet/requests.ts';
import type { BudgetRefusal, Request, Rules, Authorization } from '../../src/base/protocol.ts';

/** Records what is asked; the engine's answer is the test's. */
class Recorder extends Requests {
  readonly asked: Request[] = [];

  constructor(answer: (request: Request) => unknown = () => null) {
    super(async (request) => {
      this.asked.push(request);
      return answer(request);
    });
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
const authorization: Authorization = {
  holder: { kind: 'site', origin: 'https://shop.example', topLevel: 'https://shop.example' },
  approvedMsat: 5n,
};

test('what is left out is null, what is given goes to the engine as it is', async () => {
  const wallet = new Recorder();
  await wallet.pay('lnbc1');
  await wallet.pay('lnbc1', { amountMsat: 1n, maxFeeMsat: 2n, parts: 3, authorization });
  await wallet.keysend({ payee: '02aa', amountMsat: 7n });
  await wallet.openBudget({ holder: { kind: 'app', id: 'game' }, rules, parent: 3 });
  await wallet.budgetOf({ kind: 'app', id: 'game' });
  await wallet.spending({ from: '2026-11-01' });
  const records = [
    { key: 'sent/1', value: '{}' },
    { key: 'sent/2', value: null },
  ];
  await wallet.setSiteRecords(records);
  await wallet.siteRecord('sent/1');
  await wallet.siteRecordKeys('sent/');
  assert.deepEqual(wallet.asked, [
    { method: 'pay', invoice: 'lnbc1', amountMsat: null, maxFeeMsat: null, parts: null, authorization: null },
    { method: 'pay', invoice: 'lnbc1', amountMsat: 1n, maxFeeMsat: 2n, parts: 3, authorization },
    { method: 'keysend', payee: '02aa', amountMsat: 7n, records: [], maxFeeMsat: null, authorization: null },
    { method: 'openBudget', holder: { kind: 'app', id: 'game' }, rules, parent: 3 },
    { method: 'budgetOf', holder: { kind: 'app', id: 'game' } },
    { method: 'spending', from: '2026-11-01', to: null },
    { method: 'setSiteRecords', records },
    { method: 'siteRecord', key: 'sent/1' },
    { method: 'siteRecordKeys', prefix: 'sent/' },
  ]);
});

test('amounts are bigint, numbers of budgets whole; nothing else is asked of the engine', async () => {
  const wallet = new Recorder();
  const wrong = { code: 'invalidInput' };
  await assert.rejects(wallet.keysend({ payee: '02aa', amountMsat: 7 as unknown as bigint }), wrong);
  await assert.rejects(wallet.topUpBudget(1, -1n), wrong);
  await assert.rejects(wallet.topUpBudget(1, 1n << 64n), wrong);
  for (const bad of [-1, 0.5, 2 ** 32, Number.NaN, '1' as unknown as number]) {
    await assert.rejects(wallet.closeBudget(bad), wrong);
    await assert.rejects(wallet.setBudgetRules(bad, rules), wrong);
  }
  await assert.rejects(wallet.signMessage(1 as unknown as string), wrong);
  assert.deepEqual(wallet.asked, []);
});

test('what a budget refuses reaches the caller whole', async () => {
  const budget: BudgetRefusal = {
    budget: 4,
    reason: 'limit',
    rule: 'rollingDay',
    limitMsat: 10n,
    leftMsat: 1n,
    neededMsat: 2n,
    until: 99n,
  };
  const data = { code: 'budgetRefused' as const, message: 'no', causes: [], budget };
  // As it crosses two ports.
  const seen = toError(structuredClone(toData(toError(structuredClone(toData(data))))));
  assert.deepEqual({ ...seen.budget }, budget);
  assert.equal(seen.noRoute, undefined);
  const noRoute = { reason: 'balance' as const, largestMsat: 3n, neededFeeMsat: null };
  assert.deepEqual(
    toError(structuredClone(toData(new WalletError('noRoute', 'none', [], [], { noRoute })))).noRoute,
    noRoute,
  );
});
