/** Currencies: which one a user's region has, and how an amount of bitcoin is written in it. */

/** Regions (ISO 3166) that share a currency (ISO 4217) with others. */
const SHARED: Readonly<Record<string, ReadonlySet<string>>> = {
  EUR: new Set('AD AT BE BG CY DE EE ES FI FR GR HR IE IT LT LU LV MC MT NL PT SI SK SM VA'.split(' ')),
  USD: new Set(['EC', 'SV', 'PA', 'PR']),
  CHF: new Set(['LI']),
};
/** Currencies of one region: the one that they begin with, as ISO 4217 makes them. */
const OWN =
  'ARS AUD BRL CAD CHF CLP CNY COP CRC CZK DKK GBP GTQ HKD HUF IDR ILS INR ISK JPY KES KRW MXN MYR NGN NOK NZD PEN PHP PLN RON SEK SGD THB TRY TWD UAH USD UYU VND ZAR'.split(
    ' ',
  );

/** The currency of a language tag's region: of `de-AT` EUR, of `de` Germany's. `null`: none is known. */
export function currencyOf(tag: string): string | null {
  const { region } = new Intl.Locale(tag).maximize();
  if (region === undefined) return null;
  const [shared] = Object.entries(SHARED).find(([, regions]) => regions.has(region)) ?? [];
  return shared ?? OWN.find((currency) => currency.startsWith(region)) ?? null;
}

/** Digits after the separator that a currency has: 2 for cents. */
export const digitsOf = (currency: string): number =>
  new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2;

/** An amount of bitcoin at a price, as `locale` writes it; what is less than the currency's smallest unit in two digits. */
export function formatFiat(msat: bigint, perBtc: number, currency: string, locale: string): string {
  const value = (Number(msat) / 1e11) * perBtc;
  const digits = digitsOf(currency);
  const isSmall = value !== 0 && Math.abs(value) < 10 ** -digits;
  const precision = isSmall ? { maximumSignificantDigits: 1 } : { maximumFractionDigits: digits };
  return new Intl.NumberFormat(locale, { style: 'currency', currency, ...precision }).format(value);
}

/** A currency's name in a language: "Euro". */
export const currencyName = (currency: string, locale: string): string =>
  new Intl.DisplayNames(locale, { type: 'currency', fallback: 'code' }).of(currency) ?? currency;
