/** Budgets of sites, as the small windows give them: so much a day, one stream, or a limit raised. All else stays as it is. */

import type { Budget, BudgetRefusal, BudgetRule, LimitUsage, Rules, Wallet, WindowKind, WindowPeriod } from 'amplet';
import type { Site, StreamRequest } from 'amplet/provider';
import { NO_RULES } from 'amplet-ui/budgets/budgets.ts';

/** Budget that one click gives. No default is ever more, whatever a site asks for. */
export const USUAL = { perDayMsat: 2_000_000n, askAboveMsat: 500_000n };

/** Purpose of what streams pay. */
export const STREAM = 'stream';

/** Returns the rules with another limit for the day, and another amount above which they ask. */
export function dailyRules({ perDayMsat, askAboveMsat }: typeof USUAL, before: Rules = NO_RULES): Rules {
  const others = before.windows.filter(({ kind, period }) => kind !== 'calendar' || period !== 'day');
  return { ...before, windows: [{ kind: 'calendar', period: 'day', limitMsat: perDayMsat }, ...others], askAboveMsat };
}

type Price = Pick<StreamRequest, 'ratePerSecondMsat' | 'perUnitMsat'>;

/** Seconds of a stream's rate that accumulate, at least: as long as two payments may take. */
const KEEP_SECONDS = 60;
/** Longest that the wallet lets a rate accumulate, in seconds. */
const MAX_KEEP_SECONDS = 3_600;

/**
 * Returns rules that pay this stream and nothing else: its purpose, its rate with fees, and `capMsat` in all. `paymentMsat` is the
 * most that one of its payments takes, fee included. What else the rules say stays.
 */
export function streamRules(price: Price, capMsat: bigint, paymentMsat: bigint, before: Rules = NO_RULES): Rules {
  return { ...before, rate: rateOf(price, paymentMsat), totalMsat: capMsat, askAboveMsat: null, purposes: [STREAM] };
}

/** Price and fees, in a second; two payments fit at once, as one may begin while another is in flight. What is used is no rate. */
function rateOf({ ratePerSecondMsat, perUnitMsat }: Price, paymentMsat: bigint): Rules['rate'] {
  if (perUnitMsat > 0n) return null;
  const atOnceMsat = 2n * paymentMsat;
  const slowest = up(atOnceMsat, BigInt(MAX_KEEP_SECONDS));
  const perSecondMsat = 2n * ratePerSecondMsat > slowest ? 2n * ratePerSecondMsat : slowest;
  const keepSeconds = Math.max(KEEP_SECONDS, Number(up(atOnceMsat, perSecondMsat)));
  return { perSecondMsat, keepSeconds: Math.min(keepSeconds, MAX_KEEP_SECONDS) };
}

const up = (amount: bigint, by: bigint): bigint => (amount + by - 1n) / by;

/** Returns the rules with another limit for `rule`. */
export function raised(before: Rules, rule: BudgetRule, limitMsat: bigint): Rules {
  switch (rule) {
    case 'perPayment':
      return { ...before, perPaymentMsat: limitMsat };
    case 'total':
      return { ...before, totalMsat: limitMsat };
    case 'rate': {
      const keepSeconds = before.rate?.keepSeconds ?? KEEP_SECONDS;
      return { ...before, rate: { perSecondMsat: up(limitMsat, BigInt(keepSeconds)), keepSeconds } };
    }
    default:
      return {
        ...before,
        windows: before.windows.map((window) => (ruleOf(window) === rule ? { ...window, limitMsat } : window)),
      };
  }
}

const ruleOf = ({ kind, period }: { kind: WindowKind; period: WindowPeriod }): string =>
  `${kind}${period.charAt(0).toUpperCase()}${period.slice(1)}`;

/** A limit that is in the way. */
export interface Tight {
  rule: BudgetRule;
  limitMsat: bigint;
  leftMsat: bigint;
  /** Amount that has to fit; 0: it is not known. */
  neededMsat: bigint;
}

/** Returns the limit that is in the way; `null`: it is none of a certain size. */
export function tightOf({ reason, rule, limitMsat, leftMsat, neededMsat }: BudgetRefusal): Tight | null {
  if (reason !== 'limit' || rule === null) return null;
  return { rule, limitMsat: limitMsat ?? 0n, leftMsat: leftMsat ?? 0n, neededMsat: neededMsat ?? 0n };
}

/** Returns the limit of a budget that leaves least; `null`: it has none. */
export function tightest({ usage }: Pick<Budget, 'usage'>): (Tight & Pick<LimitUsage, 'until'>) | null {
  const [least] = [...usage].sort((one, other) => Number(one.leftMsat - other.leftMsat));
  return least === undefined ? null : { ...least, neededMsat: 0n };
}

/** Least limit at which what is needed fits. */
export const leastFor = ({ limitMsat, leftMsat, neededMsat }: Tight): bigint =>
  limitMsat + (neededMsat > leftMsat ? neededMsat - leftMsat : 0n);

/** Limit that is proposed instead: as much again, in whole sat; by no more than {@link USUAL}, however much is asked for. */
export function proposedFor(tight: Tight): bigint {
  const [again, short] = [tight.limitMsat, leastFor(tight) - tight.limitMsat];
  const more = again > short ? again : short;
  return up(tight.limitMsat + (more > USUAL.perDayMsat ? USUAL.perDayMsat : more), 1_000n) * 1_000n;
}

/** The site's budget, open or closed. */
export const budgetOf = (budgets: readonly Budget[], { origin, topLevel }: Site): Budget | undefined =>
  budgets.find(({ holder }) => holder.kind === 'site' && holder.origin === origin && holder.topLevel === topLevel);

/** True if it pays anything without a question. */
export const isGenerous = (budget: Budget | null | undefined): budget is Budget =>
  budget !== null && budget !== undefined && !budget.closed && budget.rules.askAboveMsat !== 0n;

/** True if it pays streams and nothing else. */
export const isForStreams = ({ rules: { purposes } }: Budget): boolean =>
  purposes.length === 1 && purposes[0] === STREAM;

type Giver = Pick<Wallet, 'budgets' | 'openBudget' | 'setBudgetRules' | 'closeBudget'>;

/**
 * Gives the site a budget whose rules `change` makes of those that it has. `anew`: what counts in all counts from now on. Throws
 * what the package throws.
 */
export async function giveBudget(
  wallet: Giver,
  site: Site,
  change: (before: Rules) => Rules,
  { anew = false } = {},
): Promise<void> {
  const known = budgetOf(await wallet.budgets(), site);
  const holder = { kind: 'site', ...site } as const;
  if (known === undefined) await wallet.openBudget({ holder, rules: change(NO_RULES) });
  else if (!known.closed && !anew) await wallet.setBudgetRules(known.id, change(known.rules));
  else {
    const rules = change(known.closed ? NO_RULES : known.rules);
    if (!known.closed) await wallet.closeBudget(known.id);
    await wallet.openBudget({ holder, rules, ...(known.parent === null ? {} : { parent: known.parent }) });
  }
}

/** Returns what the site may still spend today, or in all, and of how much; `null`: neither is limited. */
export function today(budget: Budget): { leftMsat: bigint; limitMsat: bigint; rule: BudgetRule } | null {
  const { usage } = budget;
  const find = (wanted: BudgetRule): LimitUsage | undefined => usage.find(({ rule }) => rule === wanted);
  return find('calendarDay') ?? find('total') ?? usage[0] ?? null;
}
