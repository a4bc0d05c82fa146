import type { Payment } from 'amplet';
import { describe, expect, it } from 'vitest';
import { dayName, historyOf, matches } from '../src/payments/history.ts';
import { isUnpaid, isWaiting, signOf, titleOf } from '../src/payments/payments.ts';

const NOW = Math.floor(new Date(2026, 10, 29, 15, 0).getTime() / 1000);
const blank = {
  direction: 'inbound',
  kind: 'bolt11',
  feeMsat: null,
  description: '',
  invoice: 'lnbcrt1',
  payee: null,
  preimage: null,
  txid: null,
  confirmations: 0,
  hops: null,
  settledAt: null,
  expiresAt: BigInt(NOW + 600),
  durationMs: null,
  amountMsat: 12_500_000n,
  createdAt: BigInt(NOW - 60),
} as const;
const payment = (id: string, change: object = {}): Payment => ({
  ...blank,
  parts: [],
  id,
  state: 'pending',
  ...change,
});
const received = (id: string, ago: number) =>
  payment(id, { state: 'succeeded', settledAt: BigInt(NOW - ago), preimage: 'ab' });

const waiting = payment('waiting');
const lapsed = payment('lapsed', { expiresAt: BigInt(NOW - 5) });
const failed = payment('failed', { state: 'failed', error: { code: 'expired', message: '', causes: [] } });

describe('an unpaid invoice', () => {
  it('is no income, whatever became of it', () => {
    for (const one of [waiting, lapsed, failed]) {
      expect([one.id, isUnpaid(one), signOf(one), titleOf(one)]).toEqual([one.id, true, '', 'Invoice']);
    }
    expect([isUnpaid(received('r', 1)), signOf(received('r', 1))]).toEqual([false, '+']);
    // Claimed, and taken back by its payer: that was money.
    expect(isUnpaid(payment('back', { state: 'failed', preimage: 'ab', error: failed }))).toBe(false);
  });
  it('waits as long as it can be paid', () => {
    expect([waiting, lapsed, failed].map((one) => isWaiting(one, NOW))).toEqual([true, false, false]);
    expect(isWaiting(payment('no end', { expiresAt: null }), NOW)).toBe(true);
  });
});

it('nothing paid has no sign', () => {
  expect(signOf(payment('stream', { direction: 'outbound', kind: 'stream', amountMsat: 0n }))).toBe('');
});

describe('the history', () => {
  it('has what waits apart, and the rest by days, the newest first', () => {
    const { waiting: open, days } = historyOf(
      [received('old', 200_000), waiting, received('now', 10), lapsed, received('yesterday', 86_400)],
      NOW,
    );
    expect(open.map(({ id }) => id)).toEqual(['waiting']);
    expect(days.map(({ date, payments }) => [date, payments.map(({ id }) => id)])).toEqual([
      ['2026-11-29', ['now', 'lapsed']],
      ['2026-11-28', ['yesterday']],
      ['2026-11-27', ['old']],
    ]);
  });

  it('names days as people do', () => {
    const now = new Date(2026, 10, 29, 0, 30);
    expect(dayName('2026-11-29', now, 'en')).toBe('Today');
    expect(dayName('2026-11-28', now, 'de')).toBe('Gestern');
    expect(dayName('2026-11-27', now, 'de')).toBe('Freitag, 27. November 2026');
    // The clocks changed in between.
    expect(dayName('2026-10-24', new Date(2026, 9, 25, 12), 'en')).toBe('Yesterday');
  });

  it('is searched by words, amounts, ids and notes', () => {
    const coffee = payment('c0ffee', { description: 'Two Coffees', payee: '02ab', amountMsat: 12_500_000n });
    for (const query of ['coffees', ' two ', 'C0FF', '02AB', '12500', '12,500', '12.500', 'with lea'])
      expect([query, matches(coffee, query, 'With Lea')]).toEqual([query, true]);
    for (const query of ['tea', '125', '999'])
      expect([query, matches(coffee, query)]).toEqual([query, query === '125']);
  });
});
