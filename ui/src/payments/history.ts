/** The history in the order in which people look for something in it: what waits, then day by day. Pure but for the words. */

import type { Payment } from 'amplet';
import { isWaiting, titleOf } from './payments.ts';

/** The payments of one day. */
export interface Day {
  /** `2026-11-22`, by this device's time zone. */
  date: string;
  payments: Payment[];
}

export interface History {
  /** Invoices that can still be paid. */
  waiting: Payment[];
  /** All else, the newest day first. */
  days: Day[];
}

/** The moment by which a payment is looked for: that at which it ended. */
export const momentOf = ({ settledAt, createdAt }: Payment): bigint => settledAt ?? createdAt;

function dateOf(at: bigint): string {
  const date = new Date(Number(at) * 1000);
  const two = (number: number) => String(number).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** True if `query` is in what a user knows the payment by: its words, amount, payee, ids, and their own note. */
export function matches(payment: Payment, query: string, note = ''): boolean {
  const wanted = query.trim().toLowerCase();
  const sat = payment.amountMsat === null ? '' : String(payment.amountMsat / 1000n);
  const known = [titleOf(payment), payment.description, note, sat, payment.payee, payment.id, payment.txid];
  // Grouping is the reader's, not the amount's.
  const digits = wanted.replace(/[\s.,'’]/g, '');
  return known.some((text) => text?.toLowerCase().includes(wanted)) || (/^\d+$/.test(digits) && sat === digits);
}

/** Sorts payments, in whatever order they come. `now`: seconds since the UNIX epoch. */
export function historyOf(payments: readonly Payment[], now: number): History {
  const waiting: Payment[] = [];
  const days = new Map<string, Payment[]>();
  const newestFirst = payments.toSorted((a, b) => Number(momentOf(b) - momentOf(a)));
  for (const payment of newestFirst) {
    if (isWaiting(payment, now)) {
      waiting.push(payment);
      continue;
    }
    const date = dateOf(momentOf(payment));
    const day = days.get(date);
    if (day === undefined) days.set(date, [payment]);
    else day.push(payment);
  }
  return { waiting, days: [...days].map(([date, ofDay]) => ({ date, payments: ofDay })) };
}

/** `Today`, `Yesterday`, or the date, as `locale` writes it. */
export function dayName(date: string, now: Date, locale: string): string {
  const at = new Date(`${date}T12:00`);
  const noon = new Date(now.getFullYear(), now.getMonth(), now.getDate(), 12);
  const ago = Math.round((noon.getTime() - at.getTime()) / 86_400_000);
  if (ago === 0 || ago === 1) {
    const name = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }).format(-ago, 'day');
    return name.charAt(0).toLocaleUpperCase(locale) + name.slice(1);
  }
  return new Intl.DateTimeFormat(locale, { dateStyle: 'full' }).format(at);
}
