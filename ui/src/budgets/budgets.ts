/** Words for budgets and their rules, for the screens of the web wallet and of the extension. */

import type { Holder, Budget, BudgetRule, LinkHolder, Rules, LimitUsage } from 'amplet';
import type { ConnectedSite } from '../app/sites.ts';
import { m } from '../paraglide/messages.js';
import { bareOrigin } from '../text/holders.ts';

/** Rules that allow everything: what an editor begins with. */
export const NO_RULES: Rules = {
  perPaymentMsat: null,
  windows: [],
  rate: null,
  totalMsat: null,
  expiresAt: null,
  askAboveMsat: null,
  purposes: [],
};

/** Names a budget's holder, as a user knows them. */
export function holderName(holder: Holder): string {
  switch (holder.kind) {
    case 'user':
      return m.budget_mine();
    case 'site':
      return holder.origin === holder.topLevel
        ? bareOrigin(holder.origin)
        : m.budget_siteIn({ site: bareOrigin(holder.origin), page: bareOrigin(holder.topLevel) });
    case 'app':
    case 'device':
    case 'child':
      return holder.id;
  }
}

/** A budget of these can be handed out by a link. */
export const isHandable = (holder: Holder): holder is LinkHolder =>
  holder.kind === 'child' || holder.kind === 'app' || holder.kind === 'device';

export const kindName = (kind: Holder['kind']): string =>
  ({
    user: m.budget_kind_user,
    site: m.budget_kind_site,
    app: m.budget_kind_app,
    device: m.budget_kind_device,
    child: m.budget_kind_child,
  })[kind]();

const RULES: Record<BudgetRule, () => string> = {
  perPayment: m.budget_rule_perPayment,
  calendarHour: m.budget_rule_calendarHour,
  calendarDay: m.budget_rule_calendarDay,
  calendarWeek: m.budget_rule_calendarWeek,
  calendarMonth: m.budget_rule_calendarMonth,
  rollingHour: m.budget_rule_rollingHour,
  rollingDay: m.budget_rule_rollingDay,
  rollingWeek: m.budget_rule_rollingWeek,
  rollingMonth: m.budget_rule_rollingMonth,
  rate: m.budget_rule_rate,
  total: m.budget_rule_total,
};

export const ruleName = (rule: BudgetRule): string => RULES[rule]();

/** Parts of a limit, per mille of it; for drawing only. */
export function shares({ limitMsat, spentMsat, reservedMsat }: LimitUsage): { spent: number; held: number } {
  const share = (msat: bigint): number => (limitMsat === 0n ? 0 : Number((msat * 1000n) / limitMsat));
  const spent = Math.min(1000, share(spentMsat));
  return { spent, held: Math.min(1000 - spent, share(reservedMsat)) };
}

/** Open ones first, the user's own at the top; then by when they were made. */
export function inOrder(budgets: readonly Budget[]): Budget[] {
  return [...budgets].sort((a, b) => Number(a.closed) - Number(b.closed) || a.id - b.id);
}

/** A site that may do something, and whether it pays without a question. */
export type Connected = ConnectedSite & { pays: boolean };

/** Sites that the user let in, and those with an open budget, which need no more to be let in. */
export function connected(granted: readonly ConnectedSite[], budgets: readonly Budget[]): Connected[] {
  const sites = new Map(granted.map((site) => [`${site.origin} ${site.topLevel}`, { ...site, pays: false }]));
  for (const { holder, closed, rules } of budgets) {
    if (holder.kind !== 'site' || closed || rules.askAboveMsat === 0n) continue;
    const { origin, topLevel } = holder;
    const known = sites.get(`${origin} ${topLevel}`);
    sites.set(`${origin} ${topLevel}`, { origin, topLevel, balance: known?.balance ?? false, pays: true });
  }
  return [...sites.values()].sort((a, b) => (a.origin < b.origin ? -1 : a.origin > b.origin ? 1 : 0));
}

/** A date as an `<input type="date">` has it, in the user's zone; and the first second after that day. */
export function dayOf(at: bigint): string {
  const date = new Date((Number(at) - 1) * 1000);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

export function endOfDay(day: string): bigint | null {
  const [year = 0, month = 0, date = 0] = day.split('-').map(Number);
  const end = new Date(year, month - 1, date + 1).getTime();
  return /^\d{4}-\d{2}-\d{2}$/.test(day) && Number.isFinite(end) ? BigInt(Math.floor(end / 1000)) : null;
}
