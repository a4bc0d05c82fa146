/** Reading and writing amounts: exact to the msat, `bigint` only, digits and separators by Intl. */

export type Unit = 'sat' | 'btc';

export const MSAT_PER_SAT = 1000n;
/** 21 million bitcoin. */
export const MAX_MSAT = 2_100_000_000_000_000_000n;

const MSAT_DECIMALS: Record<Unit, number> = { sat: 3, btc: 11 };
const SAT_DECIMALS: Record<Unit, number> = { sat: 0, btc: 8 };

export type AmountProblem = 'empty' | 'notANumber' | 'tooPrecise' | 'zero' | 'tooMuch';
export type ParsedAmount = { ok: true; msat: bigint } | { ok: false; problem: AmountProblem };

export const satToMsat = (sat: bigint): bigint => sat * MSAT_PER_SAT;

/** Separators of a locale, as Intl writes them. */
function separators(locale: string): { decimal: string; group: string } {
  const parts = new Intl.NumberFormat(locale, { useGrouping: true }).formatToParts(1234567.8);
  const find = (type: string, otherwise: string) => parts.find((part) => part.type === type)?.value ?? otherwise;
  return { decimal: find('decimal', '.'), group: find('group', ',') };
}

const escape = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Brings what a user typed to `123.45`, or says that it is no number. */
function normalise(text: string, locale: string): string | null {
  const { decimal, group } = separators(locale);
  const compact = text.replace(/[\s\u00a0\u202f'’_]/g, '');
  const grouped = new RegExp(`^[1-9]\\d{0,2}(?:${escape(group)}\\d{3})+(?:${escape(decimal)}\\d*)?$`);
  const digits = grouped.test(compact) ? compact.split(group).join('') : compact;
  const plain = digits.replace(decimal, '.');
  if (/^(?:\d+\.?\d*|\.\d+)$/.test(plain)) return plain;
  // The other notation, where it cannot be read as grouping: 0.001 typed on a German page.
  const foreign = compact.replace(group, '.');
  return /^0?\.\d+$/.test(foreign) ? foreign : null;
}

/**
 * Reads an amount in `unit`. `wholeSat` refuses fractions of a sat, as the chain has none.
 */
export function parseAmount(text: string, unit: Unit, locale: string, wholeSat = false): ParsedAmount {
  if (text.trim() === '') return { ok: false, problem: 'empty' };
  const plain = normalise(text, locale);
  if (plain === null) return { ok: false, problem: 'notANumber' };
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

/** The decimal text of an amount, without grouping: `0.00012345`. */
function decimalText(msat: bigint, unit: Unit): string {
  const scale = MSAT_DECIMALS[unit];
  const digits = (msat < 0n ? -msat : msat).toString().padStart(scale + 1, '0');
  const fraction = digits.slice(-scale);
  const shown = unit === 'btc' && fraction.endsWith('000') ? fraction.slice(0, 8) : fraction.replace(/^000$/, '');
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

/** Number and unit, held together by a no-break space. */
export function formatAmount(msat: bigint, unit: Unit, locale: string): string {
  return `${formatNumber(msat, unit, locale)}\u00a0${unitLabel(unit)}`;
}

/** Formats `msat` for an amount field: without grouping, with the locale's decimal separator. */
export function editableAmount(msat: bigint, unit: Unit, locale: string): string {
  const text = decimalText(msat, unit);
  const trimmed = text.includes('.') ? text.replace(/0+$/, '').replace(/\.$/, '') : text;
  return trimmed.replace('.', separators(locale).decimal);
}
