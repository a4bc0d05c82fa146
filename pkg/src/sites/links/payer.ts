/** A budget that somebody handed out, as a payer of paid requests. */

import { having, must } from '../../base/kinds.ts';
import type { ConnectedBudget } from '../../wallet/links/connected.ts';
import { failureOf } from '../errors.ts';
import { PaidFetchError } from '../http402/errors.ts';
import type { Payer } from '../http402/types.ts';
import type { Outcome } from '../types.ts';
import { outcomeOf } from '../wallet.ts';

/**
 * The budget as {@link payingFetch} needs it: the wallet that pays decides, by its rules for this budget.
 * @throws {WalletError} `invalidInput`
 */
export function budgetPayer(budget: Pick<ConnectedBudget, 'inspect' | 'pay' | 'payment'>): Payer {
  must('budget', budget, having('a budget, such as `await Wallet.connect(link)`', 'inspect', 'pay', 'payment'));
  return {
    inspect: async (invoice) => {
      const { amountMsat, paymentHash, network, expiresAt } = await budget.inspect(invoice);
      return { amountMsat, paymentHash, network, expiresMs: Number(expiresAt) * 1000 };
    },
    lookup: async (paymentHash) => lookup(budget, paymentHash),
    pay: async (invoice, { maxCostMsat }) => {
      const { amountMsat, maxFeeMsat } = await budget.inspect(invoice);
      const left = maxCostMsat - (amountMsat ?? maxCostMsat);
      if (left < 0n) {
        const message = `This costs ${amountMsat} msat and at most ${maxCostMsat} msat are allowed; nothing was paid.`;
        throw new PaidFetchError('tooExpensive', message);
      }
      return outcomeOf(await budget.pay(invoice, { maxFeeMsat: left < maxFeeMsat ? left : maxFeeMsat }));
    },
  };
}

async function lookup(budget: Pick<ConnectedBudget, 'payment'>, paymentHash: string): Promise<Outcome> {
  try {
    return outcomeOf(await budget.payment(paymentHash));
  } catch (error) {
    if (failureOf(error)?.code !== 'invalidInput') throw error;
    return { state: 'failed', reason: 'There is no such payment.' };
  }
}
