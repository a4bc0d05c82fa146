/** Budgets of sites, as the small windows give them: so much a day, and a question above so much. */

import type { Budget, Rules, Wallet } from 'amplet';
import type { Site } from 'amplet/provider';

/** Budget that one click gives. */
export const USUAL = { perDayMsat: 2_000_000n, askAboveMsat: 500_000n };

/** Budget that one click gives to a site that streams: none of its payments is a question by itself. */
export function usualFor(creditMsat: bigint): typeof USUAL {
  const paymentMsat = ((2n * creditMsat + 999n) / 1_000n) * 1_000n; // with its fee
  const askAboveMsat = paymentMsat > USUAL.askAboveMsat ? paymentMsat : USUAL.askAboveMsat;
  return { askAboveMsat, perDayMsat: askAboveMsat > USUAL.perDayMsat ? askAboveMsat : USUAL.perDayMsat };
}

export function dailyRules({ perDayMsat, askAboveMsat }: typeof USUAL): Rules {
  return {
    perPaymentMsat: null,
    windows: [{ kind: 'calendar', period: 'day', limitMsat: perDayMsat }],
    rate: null,
    totalMsat: null,
    expiresAt: null,
    askAboveMsat,
    purposes: [],
  };
}

/** The site's budget, open or closed. */
export const budgetOf = (budgets: readonly Budget[], { origin, topLevel }: Site): Budget | undefined =>
  budgets.find(({ holder }) => holder.kind === 'site' && holder.origin === origin && holder.topLevel === topLevel);

/** True if it pays anything without a question. */
export const isGenerous = (budget: Budget | null | undefined): budget is Budget =>
  budget !== null && budget !== undefined && !budget.closed && budget.rules.askAboveMsat !== 0n;

/** Gives the site a budget with these rules; one that it has gets them. Throws what the package throws. */
export async function giveBudget(wallet: Wallet, site: Site, rules: Rules): Promise<void> {
  const known = budgetOf(await wallet.budgets(), site);
  if (known === undefined || known.closed) await wallet.openBudget({ holder: { kind: 'site', ...site }, rules });
  else await wallet.setBudgetRules(known.id, rules);
}

/** Returns what the site may still spend today, and of how much; `null`: no budget of the daily kind. */
export function today(budget: Budget): { leftMsat: bigint; limitMsat: bigint } | null {
  return budget.usage.find(({ rule }) => rule === 'calendarDay') ?? budget.usage[0] ?? null;
}
