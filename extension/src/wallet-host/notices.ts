/** Tells the user, outside of any window, what happened to money without a click. */

import type { Wallet, WalletEvent } from 'amplet';
import { m } from 'amplet-ui/paraglide/messages.js';
import { formatAmount } from 'amplet-ui/text/amounts.ts';
import { holderNamed } from 'amplet-ui/text/holders.ts';
import { language } from 'amplet-ui/text/i18n.svelte.ts';
import type { RunTask } from './wallet-host.ts';

interface Notice {
  title: string;
  message: string;
}

/** Follows the wallet's events until it is closed. Each is told once, however often it is delivered. */
export async function notifyOfEvents(wallet: Wallet, runTask: RunTask): Promise<void> {
  try {
    for await (const event of wallet.events()) {
      const notice = noticeOf(event);
      if (notice !== null) await runTask({ to: 'browser', ask: 'notify', id: `event-${event.id}`, ...notice });
      await event.ack();
    }
  } catch (error) {
    console.warn('events', error); // the wallet ended; opened again it delivers what was not acknowledged
  }
}

const amount = (msat: bigint): string => formatAmount(msat, 'sat', language.tag);

/** `null`: the user did it, or need not know at once. */
function noticeOf(event: WalletEvent): Notice | null {
  switch (event.type) {
    case 'paymentReceived':
      return {
        title: m.notice_received({ amount: amount(event.payment.amountMsat ?? 0n) }),
        message: event.payment.description,
      };
    case 'budgetUsed':
      return {
        title: m.notice_used({ percent: event.percent }),
        message: m.notice_used_text({
          holder: holderNamed(event.holder),
          spent: amount(event.spentMsat),
          limit: amount(event.limitMsat),
        }),
      };
    case 'budgetLow':
      return {
        title: m.notice_low(),
        message: m.notice_low_text({ parent: holderNamed(event.parent), left: amount(event.leftMsat) }),
      };
    case 'channelClosed':
      return { title: m.notice_channelClosed(), message: m.notice_channelClosed_text() };
    default:
      return null;
  }
}
