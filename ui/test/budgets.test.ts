import type { Budget, LimitUsage } from 'amplet';
import { describe, expect, it } from 'vitest';
import { connected, dayOf, endOfDay, holderName, inOrder, NO_RULES, shares } from '../src/budgets/budgets.ts';

const budget = (id: number, closed = false): Budget => ({
  id,
  holder: { kind: 'app', id: `a${id}` },
  parent: null,
  rules: NO_RULES,
  closed,
  usage: [],
  leftMsat: null,
});

const usage = (limitMsat: bigint, spentMsat: bigint, reservedMsat: bigint): LimitUsage => ({
  rule: 'total',
  limitMsat,
  spentMsat,
  reservedMsat,
  leftMsat: 0n,
  until: null,
});

describe('budgets', () => {
  it('open ones come first, each by its age', () => {
    expect(inOrder([budget(3), budget(1, true), budget(2), budget(0)]).map(({ id }) => id)).toEqual([0, 2, 3, 1]);
  });

  it('bars are never longer than the limit, also when the limit was lowered', () => {
    expect(shares(usage(1000n, 250n, 100n))).toEqual({ spent: 250, held: 100 });
    expect(shares(usage(1000n, 5000n, 100n))).toEqual({ spent: 1000, held: 0 });
    expect(shares(usage(1000n, 900n, 500n))).toEqual({ spent: 900, held: 100 });
  });

  it('a frame elsewhere is named with its page', () => {
    expect(holderName({ kind: 'site', origin: 'https://a.example', topLevel: 'https://a.example' })).toBe('a.example');
    expect(holderName({ kind: 'site', origin: 'https://a.example', topLevel: 'http://b.example' })).toContain(
      'http://b.example',
    );
  });

  it('a day that was chosen is shown again, and ends with its last second', () => {
    for (const day of ['2026-11-22', '2027-02-28', '2028-02-29', '2027-03-28', '2027-10-31', '2026-12-31']) {
      const end = endOfDay(day);
      expect(end === null ? null : dayOf(end)).toBe(day);
    }
    for (const bad of ['', '2026', 'tomorrow', '22.11.2026']) expect(endOfDay(bad)).toBeNull();
  });
});

describe('connected', () => {
  const shop = { origin: 'https://shop.example', topLevel: 'https://shop.example' };
  const news = { origin: 'https://news.example', topLevel: 'https://news.example' };
  const of = (site: typeof shop, askAboveMsat: bigint | null, closed = false): Budget => ({
    ...budget(1, closed),
    holder: { kind: 'site', ...site },
    rules: { ...NO_RULES, askAboveMsat },
  });

  it('are those that were let in, and those with a budget that pays', () => {
    expect(connected([{ ...shop, balance: true }], [of(news, 5n)])).toEqual([
      { ...news, balance: false, pays: true },
      { ...shop, balance: true, pays: false },
    ]);
    expect(connected([{ ...shop, balance: true }], [of(shop, null)])).toEqual([{ ...shop, balance: true, pays: true }]);
  });

  it('are none by a budget that asks always, or is closed', () => {
    expect(connected([], [of(shop, 0n), of(news, 5n, true), budget(2)])).toEqual([]);
  });
});
