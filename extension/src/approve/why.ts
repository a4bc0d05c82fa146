/** Reasons for asking the user, in their language, as far as the wallet gives them in parts. */

import type { BudgetRefusal } from 'amplet';
import { formatAmount, type Unit } from 'amplet-ui/text/amounts.ts';
import { language } from 'amplet-ui/text/i18n.svelte.ts';
import { ruleName } from 'amplet-ui/budgets/budgets.ts';
import { m } from 'amplet-ui/paraglide/messages.js';

/** Returns the reason with its amounts in `unit`; `null`: there is only the wallet's own text. */
export function whyAsked(refusal: BudgetRefusal, unit: Unit): string | null {
  const { reason, rule, limitMsat, leftMsat, neededMsat } = refusal;
  const amount = (msat: bigint | null): string => formatAmount(msat ?? 0n, unit, language.tag);
  switch (reason) {
    case 'ask':
      return m.why_ask({ limit: amount(limitMsat) });
    case 'limit':
      return rule === null
        ? null
        : m.why_limit({
            rule: ruleName(rule),
            limit: amount(limitMsat),
            left: amount(leftMsat),
            needed: amount(neededMsat),
          });
    case 'noBudget':
      return m.why_noBudget();
    case 'closed':
      return m.why_closed();
    case 'expired':
      return m.why_expired();
    default:
      return null;
  }
}
