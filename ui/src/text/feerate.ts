/** Fee rates: the engine counts sat per 1000 vB, people read sat/vB. */

/** `4.2 sat/vB`. */
export function formatFeeRate(perKvb: bigint, locale: string): string {
  const text = `${perKvb / 1000n}.${(perKvb % 1000n).toString().padStart(3, '0')}` as Intl.StringNumericLiteral;
  return `${new Intl.NumberFormat(locale, { maximumFractionDigits: 3 }).format(text)} sat/vB`;
}

/** Highest rate that is taken for meant. */
const MAX_PER_KVB = 1_000_000n;

/** Reads sat/vB, with a point or a comma; `null` when it is none from 1 to 1000. */
export function parseFeeRate(text: string): bigint | null {
  const match = /^(\d{1,4})(?:[.,](\d{1,3}))?$/.exec(text.trim());
  if (!match?.[1]) return null;
  const perKvb = BigInt(match[1]) * 1000n + BigInt((match[2] ?? '').padEnd(3, '0'));
  return perKvb >= 1000n && perKvb <= MAX_PER_KVB ? perKvb : null;
}
