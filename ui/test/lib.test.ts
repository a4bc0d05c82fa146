import { describe, expect, it } from 'vitest';
import { editableAmount, formatAmount, formatPrice, parseAmount } from '../src/text/amounts.ts';
import { isAccepted, passphraseStrength } from '../src/form/strength.ts';
import { formatCountdown, formatDuration } from '../src/text/time.ts';

const read = (text: string, unit: 'sat' | 'btc', locale: string, wholeSat = false) => {
  const parsed = parseAmount(text, unit, locale, wholeSat);
  return parsed.ok ? parsed.msat : parsed.problem;
};

describe('parseAmount', () => {
  it('reads each unit exactly', () => {
    expect(read('1', 'sat', 'en')).toBe(1000n);
    expect(read('0.00000001', 'btc', 'en')).toBe(1000n);
    expect(read('0.00000000001', 'btc', 'en')).toBe(1n);
    expect(read('20999999.99999999', 'btc', 'en')).toBe(2_099_999_999_999_999_000n);
    expect(read('1.5', 'sat', 'en')).toBe(1500n);
    expect(read('.5', 'btc', 'en')).toBe(50_000_000_000n);
    expect(read('5.', 'btc', 'en')).toBe(500_000_000_000n);
  });
  it('reads grouping and decimals as the locale writes them', () => {
    expect(read('1,234,567', 'sat', 'en')).toBe(1_234_567_000n);
    expect(read('1.234.567', 'sat', 'de')).toBe(1_234_567_000n);
    expect(read('0,001', 'btc', 'de')).toBe(100_000_000n);
    expect(read('0.001', 'btc', 'de')).toBe(100_000_000n);
    expect(read('0,001', 'btc', 'en')).toBe(100_000_000n);
    expect(read('12 345', 'sat', 'en')).toBe(12_345_000n);
  });
  it('refuses what is no amount, and says why', () => {
    expect(read('  ', 'sat', 'en')).toBe('empty');
    expect(read('abc', 'sat', 'en')).toBe('notANumber');
    expect(read('-5', 'sat', 'en')).toBe('notANumber');
    expect(read('1e3', 'sat', 'en')).toBe('notANumber');
    expect(read('12,34', 'sat', 'en')).toBe('notANumber');
    expect(read('1.2.3', 'sat', 'en')).toBe('notANumber');
    expect(read('0', 'sat', 'en')).toBe('zero');
    expect(read('1.5', 'sat', 'en', true)).toBe('tooPrecise');
    expect(read('0.000000001', 'btc', 'en', true)).toBe('tooPrecise');
    expect(read('0.000000000001', 'btc', 'en')).toBe('tooPrecise');
    expect(read('21000000.00000001', 'btc', 'en')).toBe('tooMuch');
    expect(read('9'.repeat(40), 'sat', 'en')).toBe('tooMuch');
  });
  it('asks where a separator may be one of thousands', () => {
    const asked = (text: string, locale: string, wholeSat = false) => {
      const parsed = parseAmount(text, 'sat', locale, wholeSat);
      return !parsed.ok && parsed.problem === 'ambiguous' ? parsed.readings : parsed;
    };
    expect(asked('1,234', 'de')).toEqual([1_234_000n, 1_234n]);
    expect(asked('1.234', 'en')).toEqual([1_234_000n, 1_234n]);
    expect(asked('12.000 sat', 'en')).toEqual([12_000_000n, 12_000n]);
    // The chain has no fractions: one reading is left, and still asked for.
    expect(asked('1.234', 'en', true)).toEqual([1_234_000n]);
    // As the page itself writes thousands, or as nobody writes them.
    expect(read('1,234', 'sat', 'en')).toBe(1_234_000n);
    expect(read('1.234', 'sat', 'de')).toBe(1_234_000n);
    expect(read('0.123', 'sat', 'en')).toBe(123n);
    expect(read('1234.567', 'sat', 'en')).toBe(1_234_567n);
    expect(read('1,234.567', 'sat', 'en')).toBe(1_234_567n);
    expect(read('1.234', 'btc', 'en')).toBe(123_400_000_000n);
    // What an answer puts into the field is not asked about again.
    for (const reading of [1_234_000n, 1_234n, 999_999n])
      for (const locale of ['en', 'de', 'ar-EG'])
        expect(read(editableAmount(reading, 'sat', locale), 'sat', locale)).toBe(reading);
  });
  it('reads digits of any script and width', () => {
    expect(read('1,00,000', 'sat', 'en-IN')).toBe(100_000_000n);
    expect(read('1,00,000', 'sat', 'en')).toBe('notANumber');
    expect(read('١٬٢٣٤', 'sat', 'ar-EG')).toBe(1_234_000n);
    expect(read('١٬٢٣٤٫٥', 'sat', 'de')).toBe(1_234_500n);
    expect(read('۱۲۳', 'sat', 'fa')).toBe(123_000n);
    expect(read('۱۲۳', 'sat', 'en')).toBe(123_000n);
    expect(read('১২,৩৪,৫৬৭', 'sat', 'bn')).toBe(1_234_567_000n);
    expect(read('１２３', 'sat', 'en')).toBe(123_000n);
    expect(read('１，２３４', 'sat', 'en')).toBe(1_234_000n);
    expect(read('.00 000 001', 'btc', 'en')).toBe(1000n);
    expect(read('１２x', 'sat', 'en')).toBe('notANumber');
  });
  it('reads the unit that is written beside the number', () => {
    expect(read('10 sat', 'sat', 'en')).toBe(10_000n);
    expect(read('10 sats', 'btc', 'en')).toBe(10_000n);
    expect(read('0.5 BTC', 'sat', 'en')).toBe(50_000_000_000n);
    expect(read('sat', 'sat', 'en')).toBe('notANumber');
    expect(read('10 satoshi', 'sat', 'en')).toBe('notANumber');
  });
  it('reads what the page writes, in every locale', () => {
    const locales = [
      'en',
      'en-IN',
      'en-ZA',
      'de',
      'de-AT',
      'de-CH',
      'fr',
      'pl',
      'es',
      'ar-EG',
      'fa',
      'bn',
      'hi',
      'my',
      'th-u-nu-thai',
    ];
    for (const locale of locales) {
      for (const unit of ['sat', 'btc'] as const) {
        for (let msat = 1000n; msat < 2_000_000_000_000_000_000n; msat = msat * 7n + 3000n)
          expect([locale, read(formatAmount(msat, unit, locale), unit, locale)]).toEqual([locale, msat]);
      }
    }
  });
  it('reads back what it wrote, for every size', () => {
    for (const locale of ['en', 'de', 'en-IN', 'ar-EG', 'fa', 'bn']) {
      for (const unit of ['sat', 'btc'] as const) {
        for (let msat = 1n; msat < 2_000_000_000_000_000_000n; msat = msat * 7n + 3n) {
          expect(read(editableAmount(msat, unit, locale), unit, locale)).toBe(msat);
        }
      }
    }
  });
});

describe('formatPrice', () => {
  it('counts the smallest units of the currency', () => {
    expect(formatPrice({ currency: 'EUR', minorUnits: 350n }, 'de')).toBe('3,50\u00a0€');
    expect(formatPrice({ currency: 'USD', minorUnits: 10_000n }, 'en')).toBe('$100.00');
    expect(formatPrice({ currency: 'JPY', minorUnits: 350n }, 'en')).toBe('¥350');
    expect(formatPrice({ currency: 'KWD', minorUnits: 3_500n }, 'en')).toBe('KWD\u00a03.500');
    expect(formatPrice({ currency: 'XYZ', minorUnits: 350n }, 'en')).toBe('XYZ\u00a03.50');
  });
});

describe('formatAmount', () => {
  it('loses no digit where the user decides', () => {
    const exact = (msat: bigint, unit: 'sat' | 'btc', locale: string) => formatAmount(msat, unit, locale, 'exact');
    expect(exact(2_099_999_999_999_999_999n, 'sat', 'en')).toBe('2,099,999,999,999,999.999\u00a0sat');
    expect(exact(2_099_999_999_999_999_999n, 'btc', 'en')).toBe('20,999,999.99999999999\u00a0BTC');
    expect(exact(1_234_000n, 'sat', 'de')).toBe('1.234\u00a0sat');
    expect(exact(1_234_000n, 'btc', 'de')).toBe('0,00001234\u00a0BTC');
    expect(exact(0n, 'sat', 'en')).toBe('0\u00a0sat');
    expect(exact(-1500n, 'sat', 'en')).toBe('-1.5\u00a0sat');
    expect(exact(11_500n, 'sat', 'de')).toBe('11,5\u00a0sat');
  });
  it('shows no thousandths otherwise, but of what is less than a sat', () => {
    expect(formatAmount(951_831_016n, 'sat', 'en')).toBe('951,831\u00a0sat');
    expect(formatAmount(951_831_016n, 'sat', 'en', 'up')).toBe('951,832\u00a0sat');
    expect(formatAmount(951_831_016n, 'btc', 'en')).toBe('0.00951831\u00a0BTC');
    expect(formatAmount(999n, 'sat', 'en')).toBe('0.999\u00a0sat');
    expect(formatAmount(300n, 'sat', 'en', 'up')).toBe('0.3\u00a0sat');
    expect(formatAmount(-1_500n, 'sat', 'en')).toBe('-2\u00a0sat');
    expect(formatAmount(-1_500n, 'sat', 'en', 'up')).toBe('-1\u00a0sat');
  });
});

it('a passphrase that is easy to guess is refused, however long', () => {
  const accepted = (text: string): boolean => isAccepted(passphraseStrength(text));
  for (const weak of ['password', '12345678', 'password123', 'qwertzuiop123456', 'aaaaaaaaaaaaaaaa'])
    expect(accepted(weak), weak).toBe(false);
  for (const fine of ['the quiet river sings', 'vT9#kw2!Lz0pQ']) expect(accepted(fine), fine).toBe(true);
});

describe('passphraseStrength', () => {
  it('grades', () => {
    expect(passphraseStrength('abc')).toBe('tooShort');
    expect(passphraseStrength('aaaaaaaaaaaaaaaa')).toBe('weak');
    expect(passphraseStrength('password123')).toBe('weak');
    expect(passphraseStrength('qwertzuiop123456')).toBe('weak');
    expect(passphraseStrength('the quiet river sings')).toBe('fair');
    expect(passphraseStrength('the quiet river sings under old bridges')).toBe('strong');
    expect(passphraseStrength('vT9#kw2!Lz0pQ')).toBe('strong');
  });
});

describe('formatCountdown', () => {
  it('counts down and stops at zero', () => {
    expect(formatCountdown(245.9, 'en')).toBe('4:05');
    expect(formatCountdown(3729, 'en')).toBe('1:02:09');
    expect(formatCountdown(-3, 'en')).toBe('0:00');
    expect(formatCountdown(3 * 86_400, 'en')).toBe('3 days');
  });
});

describe('formatDuration', () => {
  it('is as precise as its length', () => {
    expect(formatDuration(118n, 'en')).toBe('0.12 sec');
    expect(formatDuration(4_250n, 'de')).toBe('4,3 Sek.');
    expect(formatDuration(117_988n, 'en')).toBe('1:57');
  });
});
