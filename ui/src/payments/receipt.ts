/** A receipt as a text that can be handed on. Pure but for the words. */

import type { Payment } from 'amplet';
import { m } from '../paraglide/messages.js';
import { formatAmount, type Unit } from '../text/amounts.ts';
import { tamedLine } from '../text/foreign.ts';
import { formatMoment } from '../text/time.ts';
import { stateText } from './payments.ts';

/** Amount and fee together, of an outbound payment whose fee is known. */
export function totalOf(payment: Payment): bigint | null {
  if (payment.direction === 'inbound' || payment.kind.startsWith('channel')) return null;
  return payment.amountMsat === null || payment.feeMsat === null ? null : payment.amountMsat + payment.feeMsat;
}

/** Its fee; `null`: none is known, or it was another's, as of what came on the chain and of closes that cost this wallet nothing. */
export function feeOf({ kind, direction, txid, feeMsat }: Payment): bigint | null {
  if (kind === 'channelClose') return feeMsat === 0n ? null : feeMsat;
  return direction === 'inbound' && txid !== null ? null : feeMsat;
}

/** True if somebody could want to see a proof of it. */
export const isSharable = (payment: Payment): boolean => payment.state === 'succeeded';

/** One line per fact; amounts to the last digit. `site`: who had it paid. */
export function receiptText(payment: Payment, site: string | null, unit: Unit, locale: string): string {
  const amount = (msat: bigint) => formatAmount(msat, unit, locale, 'exact');
  const [fee, total] = [feeOf(payment), totalOf(payment)];
  const facts: [label: string, value: string | null][] = [
    [m.ask_for(), tamedLine(payment.description)],
    [m.receipt_site(), site],
    [m.preview_payee(), payment.payee],
    [m.amount(), payment.amountMsat === null ? null : amount(payment.amountMsat)],
    [m.fee(), fee === null ? null : amount(fee)],
    [m.ask_total(), total === null ? null : amount(total)],
    [m.date(), formatMoment(payment.settledAt ?? payment.createdAt, locale)],
    [m.receipt_state(), stateText(payment)],
    [m.payment_hash(), payment.kind === 'bolt11' || payment.kind === 'keysend' ? payment.id : null],
    [m.preimage(), payment.preimage],
    [m.txid(), payment.txid],
  ];
  return facts.flatMap(([label, value]) => (value ? [`${label}: ${value}`] : [])).join('\n');
}
