/** The history as a spreadsheet reads it (RFC 4180): times in UTC, amounts in msat, names in English as a program wants them. */

import type { Payment, PaymentKind } from 'amplet';

const COLUMNS = [
  'date',
  'direction',
  'kind',
  'state',
  'amount_msat',
  'fee_msat',
  'description',
  'holder',
  'payee',
  'payment_hash',
  'preimage',
  'txid',
];
/** Kinds of which the id is a payment hash. */
const HASHED: readonly PaymentKind[] = ['bolt11', 'keysend', 'offer'];
/** Characters that a spreadsheet takes for the beginning of a formula, full-width forms included. */
const FORMULA = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;

/** A cell that is text to every spreadsheet: what could begin a formula is preceded by an apostrophe. */
export function cell(text: string): string {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",;\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const moment = (at: bigint): string => new Date(Number(at) * 1000).toISOString().replace('.000Z', 'Z');

/** `holder`: who had it paid, a site's origin; empty: the user, or nobody knows. */
function row(payment: Payment, holder: string): string {
  const { direction, kind, state, amountMsat, feeMsat, description, payee, preimage, txid, id } = payment;
  const cells = [
    moment(payment.settledAt ?? payment.createdAt),
    direction,
    kind,
    state,
    amountMsat?.toString(),
    feeMsat?.toString(),
    description,
    holder,
    payee,
    HASHED.includes(kind) ? id : null,
    preimage,
    txid,
  ];
  return cells.map((text) => cell(text ?? '')).join(',');
}

/** `holders`: who had which payment made, by its id. */
export function historyCsv(payments: readonly Payment[], holders: ReadonlyMap<string, string>): string {
  return [COLUMNS.join(','), ...payments.map((payment) => row(payment, holders.get(payment.id) ?? ''))]
    .map((line) => `${line}\r\n`)
    .join('');
}
