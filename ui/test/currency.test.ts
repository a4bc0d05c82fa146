import { describe, expect, it } from 'vitest';
import { currencyName, currencyOf, formatFiat } from '../src/text/currency.ts';

const plain = (text: string) => text.replaceAll(/\s/g, ' ');

describe('currencyOf', () => {
  it('goes by the region, given or most likely', () => {
    expect(['de', 'de-AT', 'de-CH', 'de-LI', 'en-GB', 'en', 'es-SV', 'ja', 'pt-BR'].map(currencyOf)).toEqual([
      'EUR',
      'EUR',
      'CHF',
      'CHF',
      'GBP',
      'USD',
      'USD',
      'JPY',
      'BRL',
    ]);
  });
  it('chooses none where it knows none', () => {
    expect(currencyOf('en-AQ')).toBeNull();
  });
});

describe('formatFiat', () => {
  it('writes an amount as the language does, in the digits of the currency', () => {
    expect(formatFiat(100_000_000n, 50_000, 'EUR', 'en')).toBe('€50.00');
    expect(plain(formatFiat(123_456_789_000n, 50_000, 'EUR', 'de'))).toBe('61.728,39 €');
    expect(formatFiat(100_000_000n, 9_000_000, 'JPY', 'en')).toBe('¥9,000');
    expect(formatFiat(0n, 50_000, 'EUR', 'en')).toBe('€0.00');
  });
  it('shows that little is not nothing', () => {
    expect(formatFiat(1_000n, 50_000, 'EUR', 'en')).toBe('€0.0005');
  });
  it('names the currency in the language', () => {
    expect(currencyName('USD', 'de')).toBe('US-Dollar');
  });
});
