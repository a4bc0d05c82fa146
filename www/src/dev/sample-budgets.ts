/** Budgets that the pretended engine shows. */

import type { Budget, Preview, Rules, Spending, LimitUsage } from 'amplet';
import { engineText, now } from './samples.ts';

const NO_RULES: Rules = {
  perPaymentMsat: null,
  windows: [],
  rate: null,
  totalMsat: null,
  expiresAt: null,
  askAboveMsat: null,
  purposes: [],
};

/** One of a budget's limits. */
export const usage = (
  rule: LimitUsage['rule'],
  limitMsat: bigint,
  spentMsat: bigint,
  reservedMsat = 0n,
): LimitUsage => ({
  rule,
  limitMsat,
  spentMsat,
  reservedMsat,
  leftMsat: limitMsat - spentMsat - reservedMsat,
  until: rule === 'total' ? null : now() + 40_000n,
});

/** In the scenario `ownLimit` the user's own payments have one. */
const ownRules = (scenario: string): Rules =>
  scenario === 'ownLimit'
    ? { ...NO_RULES, windows: [{ kind: 'calendar', period: 'day', limitMsat: 20_000_000n }] }
    : NO_RULES;

/** What a budget says of a payment; nothing was spent before. */
export function previewOf(
  budget: Budget | null,
  { amountMsat, maxFeeMsat = 0n }: { amountMsat: bigint; maxFeeMsat?: bigint },
): Preview {
  const neededMsat = amountMsat + maxFeeMsat;
  const limitMsat = budget?.rules.windows[0]?.limitMsat ?? null;
  const allowed = limitMsat === null || neededMsat <= limitMsat;
  const refusal = { reason: 'limit', rule: 'calendarDay', limitMsat, leftMsat: limitMsat, neededMsat } as const;
  return {
    amountMsat,
    maxFeeMsat,
    neededMsat,
    budget,
    leftAfterMsat: null,
    problem: allowed
      ? null
      : {
          code: 'budgetRefused',
          message: engineText('the limit'),
          causes: [],
          budget: { budget: 0, until: null, ...refusal },
        },
  };
}

export const budgets = (scenario = 'full'): Budget[] => [
  {
    id: 0,
    holder: { kind: 'user' },
    parent: null,
    rules: ownRules(scenario),
    closed: false,
    usage: [],
    leftMsat: null,
  },
  {
    id: 1,
    holder: { kind: 'site', origin: 'https://film.example', topLevel: 'https://film.example' },
    parent: null,
    rules: {
      ...NO_RULES,
      windows: [{ kind: 'calendar', period: 'day', limitMsat: 2_000_000n }],
      askAboveMsat: 500_000n,
    },
    closed: false,
    usage: [usage('calendarDay', 2_000_000n, 640_000n, 120_000n)],
    leftMsat: 1_240_000n,
  },
  {
    id: 2,
    holder: { kind: 'child', id: 'Lea' },
    parent: null,
    rules: {
      ...NO_RULES,
      perPaymentMsat: 3_000_000n,
      windows: [{ kind: 'calendar', period: 'week', limitMsat: 10_000_000n }],
      totalMsat: 50_000_000n,
      expiresAt: now() + 5_000_000n,
      purposes: ['game', 'article'],
    },
    closed: false,
    usage: [usage('calendarWeek', 10_000_000n, 8_900_000n), usage('total', 50_000_000n, 21_400_000n)],
    leftMsat: 1_100_000n,
  },
  {
    id: 3,
    holder: { kind: 'device', id: 'Lea\u2019s tablet' },
    parent: 2,
    rules: { ...NO_RULES, askAboveMsat: 0n },
    closed: false,
    usage: [],
    leftMsat: null,
  },
  {
    id: 4,
    holder: {
      kind: 'site',
      origin: 'https://adverts.example',
      topLevel: 'https://news-of-a-rather-long-name.example:8443',
    },
    parent: null,
    rules: { ...NO_RULES, totalMsat: 1_000_000n },
    closed: true,
    usage: [usage('total', 1_000_000n, 1_000_000n)],
    leftMsat: null,
  },
];

export const spending = (): Spending => ({
  rows: [
    {
      date: '2026-11-20',
      holder: { kind: 'user' },
      purpose: 'payment',
      payments: 3,
      amountMsat: 61_000_000n,
      feeMsat: 61_400n,
    },
    {
      date: '2026-11-21',
      holder: { kind: 'child', id: 'Lea' },
      purpose: 'game',
      payments: 14,
      amountMsat: 8_900_000n,
      feeMsat: 14_000n,
    },
    {
      date: '2026-11-22',
      holder: { kind: 'site', origin: 'https://film.example', topLevel: 'https://film.example' },
      purpose: 'video',
      payments: 208,
      amountMsat: 640_000n,
      feeMsat: 0n,
    },
  ],
  csv: 'date,holder_kind,holder,top_level,purpose,payments,amount_msat,fee_msat\r\n2026-11-20,user,,,payment,3,61000000,61400\r\n',
});
