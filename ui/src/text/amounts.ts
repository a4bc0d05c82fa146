/** Reading and writing amounts: exact to the msat, `bigint` only, digits and separators by Intl. */

import type { CurrencyPrice } from 'amplet';

export type Unit = 'sat' | 'btc';

export const MSAT_PER_SAT = 1000n;
/** 21 million bitcoin. */
export const MAX_MSAT = 2_100_000_000_000_000_000n;

const MSAT_DECIMALS: Record<Unit, number> = { sat: 3, btc: 11 };
const SAT_DECIMALS: Record<Unit, number> = { sat: 0, btc: 8 };

export type AmountProblem = 'empty' | 'notANumber' | 'tooPrecise' | 'zero' | 'tooMuch';
/** `ambiguous`: the separator may be one of thousands or of decimals; `readings` are the amounts that it may mean. */
export type ParsedAmount =
  | { ok: true; msat: bigint }
  | { ok: false; problem: AmountProblem }
  | { ok: false; problem: 'ambiguous'; readings: readonly bigint[] };

export const satToMsat = (sat: bigint): bigint => sat * MSAT_PER_SAT;

/** Separators of a locale, as Intl writes them. */
function separators(locale: string): { decimal: string; group: string } {
  const parts = new Intl.NumberFormat(locale, { useGrouping: true }).formatToParts(1234567.8);
  const find = (type: string, otherwise: string) => parts.find((part) => part.type === type)?.value ?? otherwise;
  return { decimal: find('decimal', '.'), group: find('group', ',') };
}

const escape = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** The value of a decimal digit of any script: Unicode has them in runs of ten, in order. */
function digitValue(digit: string): string {
  const code = digit.codePointAt(0)!;
  let zero = code;
  while (code - zero < 9 && /\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero -= 1;
  return String(code - zero);
}

/** Digits of any script and width as ASCII; white space, marks of direction and apostrophes dropped. */
function inAscii(text: string): string {
  return text
    .normalize('NFKC')
    .replace(/[\s\p{Cf}'’_]/gu, '')
    .replace(/\p{Nd}/gu, digitValue);
}

/** A number taken apart: what is written, and its unit, where one is written beside it. */
function takeApart(text: string, unit: Unit): { compact: string; unit: Unit } {
  const compact = inAscii(text);
  const [, number, name] = /^(.*?)(sats?|btc|₿)$/i.exec(compact) ?? [];
  if (number === undefined || name === undefined) return { compact, unit };
  return { compact: number, unit: /^sats?$/i.test(name) ? 'sat' : 'btc' };
}

/** True if the digits before the decimal separator are grouped in threes, or as the locale groups them (1,00,000). */
function isGrouped(whole: string, group: string, locale: string): boolean {
  if (!whole.includes(group)) return false;
  if (new RegExp(`^[1-9]\\d{0,2}(?:${escape(group)}\\d{3})+$`).test(whole)) return true;
  const digits = whole.split(group).join('');
  return /^[1-9]\d*$/.test(digits) && inAscii(new Intl.NumberFormat(locale).format(BigInt(digits))) === whole;
}

/** Brings what a user typed to `123.45`, or says that it is no number. */
function normalise(compact: string, locale: string): string | null {
  const own = separators(locale);
  // The separators of Arabic script mean the same in every locale.
  const latin = compact.replaceAll('٬', own.group === '٬' ? '٬' : own.group).replaceAll('٫', own.decimal);
  const group = inAscii(own.group);
  const decimal = inAscii(own.decimal) || '.';
  const at = latin.lastIndexOf(decimal);
  const [whole, rest] = at < 0 ? [latin, ''] : [latin.slice(0, at), latin.slice(at)];
  const digits = group !== '' && isGrouped(whole, group, locale) ? whole.split(group).join('') + rest : latin;
  const plain = digits.replace(decimal, '.');
  if (/^(?:\d+\.?\d*|\.\d+)$/.test(plain)) return plain;
  // The other notation, where it cannot be read as grouping: 0.001 typed on a German page.
  const foreign = group === '' ? latin : latin.replace(group, '.');
  return /^0?\.\d+$/.test(foreign) ? foreign : null;
}

/** A decimal separator that people elsewhere write between thousands: 1.234 on an English page, 1,234 on a German one. */
const looksGrouped = (plain: string): boolean => /^[1-9]\d{0,2}\.\d{3}$/.test(plain);

function exactly(plain: string, unit: Unit, wholeSat: boolean): ParsedAmount {
  const [whole = '0', fraction = ''] = plain.split('.');
  const significant = fraction.replace(/0+$/, '');
  if (significant.length > (wholeSat ? SAT_DECIMALS : MSAT_DECIMALS)[unit]) return { ok: false, problem: 'tooPrecise' };
  if (whole.length > 16) return { ok: false, problem: 'tooMuch' };
  const scale = MSAT_DECIMALS[unit];
  const msat = BigInt(whole || '0') * 10n ** BigInt(scale) + BigInt(significant.padEnd(scale, '0') || '0');
  if (msat === 0n) return { ok: false, problem: 'zero' };
  if (msat > MAX_MSAT) return { ok: false, problem: 'tooMuch' };
  return { ok: true, msat };
}

/**
 * Reads an amount in `unit`, or in the unit that is written beside it, in digits of any script. `wholeSat` refuses fractions of a
 * sat, as the chain has none.
 */
export function parseAmount(text: string, unit: Unit, locale: string, wholeSat = false): ParsedAmount {
  if (text.trim() === '') return { ok: false, problem: 'empty' };
  const { compact, unit: written } = takeApart(text, unit);
  const plain = normalise(compact, locale);
  if (plain === null) return { ok: false, problem: 'notANumber' };
  if (written === 'btc' || !looksGrouped(plain)) return exactly(plain, written, wholeSat);
  const readings = [plain.replace('.', ''), plain].map((reading) => exactly(reading, written, wholeSat));
  return { ok: false, problem: 'ambiguous', readings: readings.flatMap((read) => (read.ok ? [read.msat] : [])) };
}

/** Digits of a shown amount: all of them, or whole sat, rounded down (what there is) or up (what it may cost at most). */
export type Precision = 'exact' | 'down' | 'up';

/** Rounds an amount to what is shown of it: less than a sat stays exact, as nothing else is there. */
export function rounded(msat: bigint, precision: Precision): bigint {
  const rest = msat % MSAT_PER_SAT;
  if (precision === 'exact' || rest === 0n || (msat < MSAT_PER_SAT && msat > -MSAT_PER_SAT)) return msat;
  const whole = msat - rest;
  if (precision === 'down') return rest < 0n ? whole - MSAT_PER_SAT : whole;
  return rest > 0n ? whole + MSAT_PER_SAT : whole;
}

/** The decimal text of an amount, without grouping: `0.00012345`. */
function decimalText(msat: bigint, unit: Unit): string {
  const scale = MSAT_DECIMALS[unit];
  const digits = (msat < 0n ? -msat : msat).toString().padStart(scale + 1, '0');
  const fraction = digits.slice(-scale);
  const shown = fraction.slice(0, SAT_DECIMALS[unit]) + fraction.slice(SAT_DECIMALS[unit]).replace(/0+$/, '');
  return `${msat < 0n ? '-' : ''}${digits.slice(0, -scale)}${shown === '' ? '' : `.${shown}`}`;
}

/** The number alone, by the locale's rules, every digit of it. */
export function formatNumber(msat: bigint, unit: Unit, locale: string): string {
  const text = decimalText(msat, unit);
  const decimals = text.split('.')[1]?.length ?? 0;
  const format = new Intl.NumberFormat(locale, { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  return format.format(text as Intl.StringNumericLiteral);
}

/** The unit as it is written beside a number. */
export const unitLabel = (unit: Unit): string => (unit === 'btc' ? 'BTC' : 'sat');

/** Number and unit, held together by a no-break space; `exact` where the user decides about it. */
export function formatAmount(msat: bigint, unit: Unit, locale: string, precision: Precision = 'down'): string {
  return `${formatNumber(rounded(msat, precision), unit, locale)}\u00a0${unitLabel(unit)}`;
}

/** Formats `msat` for an amount field: without grouping, with the locale's decimal separator, never ambiguous. */
export function editableAmount(msat: bigint, unit: Unit, locale: string): string {
  const text = decimalText(msat, unit);
  const trimmed = text.includes('.') ? text.replace(/0+$/, '').replace(/\.$/, '') : text;
  const clear = unit === 'sat' && looksGrouped(trimmed) ? `${trimmed}0` : trimmed;
  return clear.replace('.', separators(locale).decimal);
}

/** A price in another currency, whose smallest units are counted (ISO 4217), as `locale` writes it. */
export function formatPrice({ currency, minorUnits }: CurrencyPrice, locale: string): string {
  const format = new Intl.NumberFormat(locale, { style: 'currency', currency });
  return format.format(Number(minorUnits) / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
}
