/** Currencies: which one a user's region has, and how an amount of bitcoin is written in it. */

/** Currency (ISO 4217) of regions (ISO 3166). A region that is not here has none chosen for it. */
const BY_REGION: Readonly<Record<string, readonly string[]>> = {
  EUR: 'AD AT BE BG CY DE EE ES FI FR GR HR IE IT LT LU LV MC MT NL PT SI SK SM VA'.split(' '),
  USD: 'US EC SV PA PR'.split(' '),
  GBP: ['GB'],
  CHF: ['CH', 'LI'],
  ...Object.fromEntries(
    (
      'AR:ARS AU:AUD BR:BRL CA:CAD CL:CLP CN:CNY CO:COP CR:CRC CZ:CZK DK:DKK GT:GTQ HK:HKD HU:HUF ID:IDR IL:ILS IN:INR IS:ISK JP:JPY ' +
      'KE:KES KR:KRW MX:MXN MY:MYR NG:NGN NO:NOK NZ:NZD PE:PEN PH:PHP PL:PLN RO:RON SE:SEK SG:SGD TH:THB TR:TRY TW:TWD UA:UAH UY:UYU ' +
      'VN:VND ZA:ZAR'
    )
      .split(' ')
      .map((pair) => pair.split(':'))
      .map(([region, currency]) => [currency!, [region!]]),
  ),
};

/** The currency of a language tag's region: of `de-AT` EUR, of `de` Germany's. `null`: none is known. */
export function currencyOf(tag: string): string | null {
  const { region } = new Intl.Locale(tag).maximize();
  const found = Object.entries(BY_REGION).find(([, regions]) => region !== undefined && regions.includes(region));
  return found?.[0] ?? null;
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
