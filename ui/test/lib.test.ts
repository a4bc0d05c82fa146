import { describe, expect, it } from 'vitest';
import { editableAmount, formatAmount, parseAmount } from '../src/text/amounts.ts';
import { isAccepted, passphraseStrength } from '../src/form/strength.ts';
import { formatCountdown } from '../src/text/time.ts';

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
  it('reads back what it wrote, for every size', () => {
    for (const locale of ['en', 'de']) {
      for (const unit of ['sat', 'btc'] as const) {
        for (let msat = 1n; msat < 2_000_000_000_000_000_000n; msat = msat * 7n + 3n) {
          expect(read(editableAmount(msat, unit, locale), unit, locale)).toBe(msat);
        }
      }
    }
  });
});

describe('formatAmount', () => {
  it('loses no digit', () => {
    expect(formatAmount(2_099_999_999_999_999_999n, 'sat', 'en')).toBe('2,099,999,999,999,999.999\u00a0sat');
    expect(formatAmount(2_099_999_999_999_999_999n, 'btc', 'en')).toBe('20,999,999.99999999999\u00a0BTC');
    expect(formatAmount(1_234_000n, 'sat', 'de')).toBe('1.234\u00a0sat');
    expect(formatAmount(1_234_000n, 'btc', 'de')).toBe('0,00001234\u00a0BTC');
    expect(formatAmount(0n, 'sat', 'en')).toBe('0\u00a0sat');
    expect(formatAmount(-1500n, 'sat', 'en')).toBe('-1.500\u00a0sat');
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
