/** A budget that is used up: asked about once; a no that is meant to last does, until something changes. */

import type { Budget, Rules } from 'amplet';
import type { PromptRequest } from 'amplet/provider';
import { expect, test, vi } from 'vitest';
import { whyAsked } from '../../src/approve/why.ts';
import { usedUp } from '../../src/lib/used-up.ts';
import { UsedUp } from '../../src/wallet-host/used-up.ts';

vi.stubGlobal('navigator', { languages: ['en-GB'] });

const site = { origin: 'https://a.example', topLevel: 'https://a.example' };
const RULES: Rules = {
  perPaymentMsat: null,
  windows: [{ kind: 'calendar', period: 'day', limitMsat: 50_000n }],
  rate: null,
  totalMsat: null,
  expiresAt: null,
  askAboveMsat: 10_000n,
  purposes: [],
};
const USAGE = {
  rule: 'calendarDay',
  limitMsat: 50_000n,
  spentMsat: 50_000n,
  reservedMsat: 0n,
  leftMsat: 0n,
  until: 2_000n,
} as const;
const BUDGET = { id: 3, holder: { kind: 'site', ...site }, rules: RULES, closed: false, usage: [USAGE] } as never;

const refused = { kind: 'keysend', site, refusal: { code: 'budgetRefused', message: '' } } as unknown as PromptRequest;

function world(budget: Budget) {
  const state = { budget, now: 1_000_000, badge: [] as boolean[] };
  const badge = { stopped: (is: boolean) => state.badge.push(is) };
  return {
    state,
    used: new UsedUp(
      async () => state.budget,
      badge as never,
      () => state.now,
    ),
  };
}

test('stopped, it is not asked about again, and the badge says so', async () => {
  const { state, used } = world(BUDGET);
  await used.mayAsk(refused);
  await used.stop(site);
  expect(state.badge).toEqual([true]);
  await expect(used.mayAsk(refused)).rejects.toMatchObject({ name: 'RejectionError' });
  expect(await used.isForUser(site)).toBe(false);
  await used.mayAsk({ kind: 'enable', site }); // other questions are none of it
});

test('it is asked about again when the window ends, and when the user changed its limits', async () => {
  const { state, used } = world(BUDGET);
  await used.stop(site);
  state.now = 2_000_000;
  await used.mayAsk(refused);
  expect(state.badge).toEqual([true, false]);
  await used.stop({ ...site });
  state.now = 1_000_000;
  state.budget = { ...(BUDGET as Budget), rules: { ...RULES, askAboveMsat: 20_000n } };
  await used.mayAsk(refused);
});

test('a rate frees itself: nobody is asked about it', async () => {
  const { used } = world({ ...(BUDGET as Budget), usage: [{ ...USAGE, rule: 'rate' }] });
  expect(await used.isForUser(site)).toBe(false);
});

test('a refusal says whose budget it is, how much, and for what time', () => {
  const tight = { rule: 'calendarDay', limitMsat: 50_000n, leftMsat: 0n, neededMsat: 0n } as const;
  expect(usedUp('a.example', tight, 'sat')).toBe('a.example has used its 50\u00a0sat for today.');
  expect(usedUp('a.example', { ...tight, leftMsat: 7_000n, neededMsat: 9_000n }, 'sat')).toBe(
    'a.example has 7\u00a0sat left of its 50\u00a0sat for today. This costs up to 9\u00a0sat.',
  );
});

const denial = { budget: 3, rule: null, limitMsat: null, leftMsat: null, neededMsat: 9_000n, until: null } as const;
const about = { unit: 'sat', holder: 'a.example', budget: BUDGET as Budget } as const;

test('why the user is asked is true', () => {
  expect(whyAsked({ ...denial, reason: 'ask', limitMsat: 0n }, about)).toBe('a.example asks you each time.');
  expect(whyAsked({ ...denial, reason: 'ask', limitMsat: 5_000n }, about)).toBe(
    'It costs more than the 5\u00a0sat that the budget of a.example pays without asking.',
  );
  expect(whyAsked({ ...denial, reason: 'noBudget', budget: null }, about)).toBe('a.example has no budget.');
  const forArticles = { ...(BUDGET as Budget), rules: { ...RULES, purposes: ['article'] } };
  expect(whyAsked({ ...denial, reason: 'purpose' }, { ...about, budget: forArticles })).toBe(
    'The budget of a.example is only for: article.',
  );
});
