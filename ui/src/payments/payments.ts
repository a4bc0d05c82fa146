/** Words for lines of the history. */

import type { Payment } from 'amplet';
import { m } from '../paraglide/messages.js';
import { tamedLine } from '../text/foreign.ts';
import { nowSeconds } from '../text/time.ts';

/** Title of an entry: its description, or what kind of movement it was. */
export function titleOf(payment: Payment): string {
  const description = tamedLine(payment.description);
  if (description !== '') return description;
  switch (payment.kind) {
    case 'channelOpen':
      return m.payment_channelOpen();
    case 'channelClose':
      return m.payment_channelClose();
    case 'onchain':
      return payment.direction === 'inbound' ? m.payment_deposit() : m.payment_send();
    case 'stream':
      return m.payment_stream();
    case 'bolt11':
    case 'keysend':
    case 'offer':
    case 'amp':
      return payment.direction === 'inbound' ? m.payment_received() : m.payment_paid();
  }
}

/** Its outcome, `brief` in lists; an invoice nobody paid is not a failure. */
export function stateText(payment: Payment, brief = false): string {
  if (payment.state === 'succeeded') return m.state_succeeded();
  if (payment.state === 'failed') {
    if (payment.error.code === 'cancelled') return m.state_cancelled();
    if (payment.direction === 'inbound' && payment.error.code === 'expired') {
      // Whoever has its preimage had claimed it.
      return payment.preimage === null ? m.expired() : m.state_takenBack();
    }
    return brief ? m.state_failedBrief() : m.state_failed();
  }
  if (payment.direction === 'inbound' && payment.kind === 'bolt11') {
    return payment.expiresAt !== null && Number(payment.expiresAt) < nowSeconds() ? m.expired() : m.state_waiting();
  }
  if (payment.cancels === true) return m.state_cancelling();
  return waitsForBlock(payment) ? m.state_unconfirmed() : m.state_pending();
}

/** An on-chain payment that no block holds: its fee can be raised. */
export const waitsForBlock = (payment: Payment): boolean =>
  payment.state === 'pending' && payment.txid !== null && payment.confirmations === 0;
