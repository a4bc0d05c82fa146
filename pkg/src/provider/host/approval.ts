/** Whose money pays: the site's purse; where it says no, what the person allows; and that binds amount and fee. */

import { asksPerson } from './faults.ts';
import type { Site, SiteSpender, WalletFailure } from './types.ts';

/** A payment that some purse is to pay. */
export interface Spending<T> {
  readonly site: Site;
  /** For the spending report. */
  readonly purpose: string | undefined;
  /** Has the wallet pay. It rejects with `approvalNeeded` or `purseRefused` when nothing left and the person may decide. */
  readonly pay: (spender: SiteSpender) => Promise<T>;
  /** Asks the person, who allows at most the answer, fee included, in millisatoshi. Rejects on a no. */
  readonly ask: (refusal: WalletFailure | null) => Promise<bigint>;
}

/** Tries the purse, then asks. */
export async function withinPurse<T>(spending: Spending<T>): Promise<T> {
  try {
    return await spending.pay(spenderOf(spending));
  } catch (error) {
    const refusal = asksPerson(error);
    if (refusal === null) throw error;
    return withApproval(spending, refusal, await spending.ask(refusal));
  }
}

/**
 * Pays what the person has allowed. An approval answers the purse's question, but its limits hold all the same: where the person
 * saw that one is in the way and allowed it nevertheless, and the purse was not raised meanwhile, it is paid by hand.
 */
export async function withApproval<T>(spending: Spending<T>, shown: WalletFailure | null, approvedMsat: bigint): Promise<T> {
  try {
    return await spending.pay({ ...spenderOf(spending), approvedMsat });
  } catch (error) {
    const refusal = asksPerson(error);
    if (refusal?.code !== 'purseRefused') throw error;
    if (shown?.code !== 'purseRefused') return withApproval(spending, refusal, await spending.ask(refusal));
    return spending.pay({ ...spenderOf(spending), holder: { kind: 'person' }, approvedMsat });
  }
}

const spenderOf = ({ site, purpose }: Spending<unknown>): SiteSpender => ({
  holder: { kind: 'site', ...site },
  ...(purpose === undefined ? {} : { purpose }),
});
