/** Words for a budget that allows no more: whose it is, how much, for which time. */

import type { BudgetRule } from 'amplet';
import { formatAmount, type Unit } from 'amplet-ui/text/amounts.ts';
import { language } from 'amplet-ui/text/i18n.svelte.ts';
import { m } from 'amplet-ui/paraglide/messages.js';
import type { Tight } from './budgets.ts';

const PERIODS: Record<BudgetRule, () => string> = {
  perPayment: m.period_perPayment,
  calendarHour: m.period_calendarHour,
  calendarDay: m.period_calendarDay,
  calendarWeek: m.period_calendarWeek,
  calendarMonth: m.period_calendarMonth,
  rollingHour: m.period_rollingHour,
  rollingDay: m.period_rollingDay,
  rollingWeek: m.period_rollingWeek,
  rollingMonth: m.period_rollingMonth,
  rate: m.period_rate,
  total: m.period_total,
};

/** Names the time that a limit is for: "for today". */
export const periodOf = (rule: BudgetRule): string => PERIODS[rule]();

/** Less than a sat buys nothing: it counts as used up. */
const NOTHING_MSAT = 1_000n;

/** Says how it stands: "shop.example has used its 50 sat for today." */
export function usedUp(holder: string, { rule, limitMsat, leftMsat, neededMsat }: Tight, unit: Unit): string {
  const amount = (msat: bigint): string => formatAmount(msat, unit, language.tag);
  const [limit, period] = [amount(limitMsat), periodOf(rule)];
  const said =
    leftMsat < NOTHING_MSAT
      ? m.used_all({ holder, limit, period })
      : m.used_left({ holder, left: amount(leftMsat), limit, period });
  return neededMsat > leftMsat ? `${said} ${m.used_needs({ needed: amount(neededMsat) })}` : said;
}
