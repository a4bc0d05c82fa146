/** Why the user is asked, in their language, as far as the wallet says it in parts. */

import type { BudgetRefusal } from 'amplet';
import { formatAmount } from '../../../www/src/lib/amounts';
import { app } from '../../../www/src/lib/app.svelte';
import { language } from '../../../www/src/lib/i18n.svelte';
import { ruleName } from '../../../www/src/lib/budgets';
import { m } from '../paraglide/messages.js';

const amount = (msat: bigint | null): string => formatAmount(msat ?? 0n, app.unit, language.tag);

/** `null`: there is only the wallet's own text. */
export function whyAsked({ reason, rule, limitMsat, leftMsat, neededMsat }: BudgetRefusal): string | null {
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
