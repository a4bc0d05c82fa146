/** The budget that pays: the site's; where it says no, what the user allows; and that binds amount and fee. */

import { asksUser } from '../errors.ts';
import type { Site, SiteAuthorization, WalletFailure } from '../types.ts';

/** A payment that some budget is to pay. */
export interface Spending<T> {
  readonly site: Site;
  /** For the spending report. */
  readonly purpose: string | undefined;
  /** Has the wallet pay. It rejects with `approvalNeeded` or `budgetRefused` when no funds were sent and the user may decide. */
  readonly pay: (authorization: SiteAuthorization) => Promise<T>;
  /** Asks the user, who allows at most the answer, fee included, in millisatoshi. Rejects on a no. */
  readonly ask: (refusal: WalletFailure | null) => Promise<bigint>;
}

/** Tries the budget, then asks. */
export async function withinBudget<T>(spending: Spending<T>): Promise<T> {
  try {
    return await spending.pay(authorizationOf(spending));
  } catch (error) {
    const refusal = asksUser(error);
    if (refusal === null) throw error;
    return withApproval(spending, refusal, await spending.ask(refusal));
  }
}

/**
 * Pays what the user has allowed. An approval answers the budget's question, but its limits hold all the same: where the user
 * saw that one is in the way and allowed it nevertheless, and the budget was not raised meanwhile, it is paid by hand.
 */
export async function withApproval<T>(
  spending: Spending<T>,
  shown: WalletFailure | null,
  approvedMsat: bigint,
): Promise<T> {
  try {
    return await spending.pay({ ...authorizationOf(spending), approvedMsat });
  } catch (error) {
    const refusal = asksUser(error);
    if (refusal?.code !== 'budgetRefused') throw error;
    if (shown?.code !== 'budgetRefused') return withApproval(spending, refusal, await spending.ask(refusal));
    return spending.pay({ ...authorizationOf(spending), holder: { kind: 'user' }, approvedMsat });
  }
}

const authorizationOf = ({ site, purpose }: Spending<unknown>): SiteAuthorization => ({
  holder: { kind: 'site', ...site },
  ...(purpose === undefined ? {} : { purpose }),
});
