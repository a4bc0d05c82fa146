/** A consent gives what it says: one stream, one limit, one day; what else a budget says stays, and no default is a site's to size. */

import type { Budget, Rules } from 'amplet';
import { expect, test } from 'vitest';
import {
  dailyRules,
  giveBudget,
  leastFor,
  proposedFor,
  raised,
  streamRules,
  USUAL,
  type Tight,
} from '../../src/lib/budgets.ts';

const STRICT: Rules = {
  perPaymentMsat: 7_000n,
  windows: [
    { kind: 'calendar', period: 'day', limitMsat: 50_000n },
    { kind: 'rolling', period: 'week', limitMsat: 200_000n },
  ],
  rate: { perSecondMsat: 5n, keepSeconds: 60 },
  totalMsat: 1n,
  expiresAt: 1n,
  askAboveMsat: 3n,
  purposes: ['article'],
};
const site = { origin: 'https://a.example', topLevel: 'https://a.example' };
const film = { ratePerSecondMsat: 1_000n, perUnitMsat: 0n };

test('another limit for the day keeps every other rule', () => {
  expect(dailyRules({ perDayMsat: 90_000n, askAboveMsat: 9n }, STRICT)).toEqual({
    ...STRICT,
    windows: [
      { kind: 'calendar', period: 'day', limitMsat: 90_000n },
      { kind: 'rolling', period: 'week', limitMsat: 200_000n },
    ],
    askAboveMsat: 9n,
  });
});

test('a yes to a stream pays streams, at its rate, up to a sum of its own', () => {
  const rules = streamRules(film, 2_000_000n, 55_000n);
  expect(rules).toMatchObject({ purposes: ['stream'], totalMsat: 2_000_000n, windows: [], perPaymentMsat: null });
  const { perSecondMsat, keepSeconds } = rules.rate ?? { perSecondMsat: 0n, keepSeconds: 0 };
  expect(perSecondMsat).toBe(2_000n);
  expect(perSecondMsat * BigInt(keepSeconds), 'two payments with their fees').toBeGreaterThanOrEqual(110_000n);
});

test('a stream that costs next to nothing a second still pays its fees', () => {
  const { rate } = streamRules({ ratePerSecondMsat: 1n, perUnitMsat: 0n }, 2_000_000n, 55_000n);
  expect(rate?.keepSeconds).toBeLessThanOrEqual(3_600);
  expect((rate?.perSecondMsat ?? 0n) * BigInt(rate?.keepSeconds ?? 0)).toBeGreaterThanOrEqual(110_000n);
});

test('what is used has no rate, and keeps the stricter rules that were there', () => {
  const rules = streamRules({ ratePerSecondMsat: 0n, perUnitMsat: 10n }, 5_000n, 1_000n, STRICT);
  expect(rules).toEqual({ ...STRICT, rate: null, totalMsat: 5_000n, askAboveMsat: null, purposes: ['stream'] });
});

const tight = (more: Partial<Tight>): Tight => ({
  rule: 'calendarDay',
  limitMsat: 50_000n,
  leftMsat: 0n,
  neededMsat: 10_000n,
  ...more,
});

test('a raised limit is the one that was in the way', () => {
  expect(raised(STRICT, 'calendarDay', 80_000n)).toEqual({
    ...STRICT,
    windows: [
      { kind: 'calendar', period: 'day', limitMsat: 80_000n },
      { kind: 'rolling', period: 'week', limitMsat: 200_000n },
    ],
  });
  expect(raised(STRICT, 'total', 5n)).toEqual({ ...STRICT, totalMsat: 5n });
  expect(raised(STRICT, 'perPayment', 5n)).toEqual({ ...STRICT, perPaymentMsat: 5n });
  expect(raised(STRICT, 'rate', 600n)).toEqual({ ...STRICT, rate: { perSecondMsat: 10n, keepSeconds: 60 } });
});

test('what is proposed is as much again, enough where that is little, and never the site’s to size', () => {
  expect(proposedFor(tight({}))).toBe(100_000n);
  expect(proposedFor(tight({ neededMsat: 80_500n }))).toBe(131_000n);
  expect(proposedFor(tight({ neededMsat: 10n ** 15n }))).toBe(50_000n + USUAL.perDayMsat);
  expect(leastFor(tight({ neededMsat: 10n ** 15n }))).toBe(50_000n + 10n ** 15n);
});

/** A wallet with one budget of the site, or none. */
function giver(rules: Rules | null, { closed = false, parent = null as number | null } = {}) {
  const done: unknown[] = [];
  const budgets = rules === null ? [] : [{ id: 4, holder: { kind: 'site', ...site }, parent, rules, closed } as Budget];
  const wallet = {
    budgets: async () => budgets,
    openBudget: async (given: unknown) => void done.push(['open', given]),
    setBudgetRules: async (id: number, given: unknown) => void done.push(['rules', id, given]),
    closeBudget: async (id: number) => void done.push(['close', id]),
  };
  return { wallet: wallet as never, done };
}

test('a budget that is there keeps what is not changed; what was closed begins without its rules', async () => {
  const change = (before: Rules): Rules => dailyRules(USUAL, before);
  const open = giver(STRICT);
  await giveBudget(open.wallet, site, change);
  expect(open.done).toEqual([['rules', 4, change(STRICT)]]);
  const closed = giver(STRICT, { closed: true, parent: 2 });
  await giveBudget(closed.wallet, site, change);
  expect(closed.done).toEqual([['open', { holder: { kind: 'site', ...site }, rules: dailyRules(USUAL), parent: 2 }]]);
});

test('a sum in all counts from the yes on', async () => {
  const { wallet, done } = giver(STRICT);
  await giveBudget(wallet, site, (before) => streamRules(film, 9n, 1n, before), { anew: true });
  expect(done).toMatchObject([
    ['close', 4],
    ['open', { rules: { totalMsat: 9n, expiresAt: 1n, purposes: ['stream'] } }],
  ]);
});
