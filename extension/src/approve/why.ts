/** Reasons for asking the user, in their language, as far as the wallet gives them in parts. */

import type { Budget, BudgetRefusal } from 'amplet';
import { formatAmount, type Unit } from 'amplet-ui/text/amounts.ts';
import { language } from 'amplet-ui/text/i18n.svelte.ts';
import { m } from 'amplet-ui/paraglide/messages.js';
import { tightOf } from '../lib/budgets.ts';
import { usedUp } from '../lib/used-up.ts';

/**
 * Returns the reason with its amounts in `unit`, and whose budget it is: `holder`'s. `budget` is that budget, where it is known.
 * `null`: there is only the wallet's own text.
 */
export function whyAsked(
  refusal: BudgetRefusal,
  { unit, holder, budget }: { unit: Unit; holder: string; budget: Budget | undefined },
): string | null {
  const tight = tightOf(refusal);
  if (tight !== null) return usedUp(holder, tight, unit);
  const { limitMsat } = refusal;
  switch (refusal.reason) {
    case 'ask':
      return limitMsat === null || limitMsat === 0n
        ? m.why_askAlways({ holder })
        : m.why_ask({ limit: formatAmount(limitMsat, unit, language.tag), holder });
    case 'noBudget':
      return m.why_noBudget({ holder });
    case 'closed':
      return m.why_closed({ holder });
    case 'expired':
      return m.why_expired({ holder });
    case 'purpose':
      return budget === undefined ? null : m.why_purpose({ holder, purposes: budget.rules.purposes.join(', ') });
    default:
      return null;
  }
}
