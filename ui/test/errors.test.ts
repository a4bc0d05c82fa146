import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Balance, BudgetRefusal, ErrorCode, NoRoute } from 'amplet';
import { describe, expect, it } from 'vitest';
import { overwriteGetLocale } from '../src/paraglide/runtime.js';
import { helpFor, type Problem, type Surroundings } from '../src/text/error-texts.ts';
import { errorTitle } from '../src/text/errors.ts';

/** The protocol as it is generated from Rust: no code can be added there without a word here. */
const protocol = readFileSync(fileURLToPath(new URL('../../pkg/src/base/protocol.ts', import.meta.url)), 'utf8');
const namesOf = <T extends string>(type: string): T[] => {
  const [, union = ''] = new RegExp(`export type ${type} = ((?:"\\w+"(?: \\| )?)+);`).exec(protocol) ?? [];
  return [...union.matchAll(/"(\w+)"/g)].map(([, name]) => name as T);
};

const CODES = namesOf<ErrorCode>('ErrorCode');
const NUMBER = 4_048_169_321n;
const balance = { spendableMsat: NUMBER, receivableMsat: NUMBER, onchainSat: 50_000n, reserveSat: 10_000n } as Balance;
const around = (locale: string, open: boolean): Surroundings => ({
  unit: 'sat',
  locale,
  network: 'signet',
  balance: open ? balance : null,
});

const problems: Problem[] = [
  ...CODES.map((code) => ({ code })),
  ...namesOf<NoRoute['reason']>('NoRouteReason').flatMap((reason) =>
    [null, NUMBER].map((number) => ({
      code: 'noRoute' as const,
      noRoute: { reason, largestMsat: number, neededFeeMsat: number },
    })),
  ),
  ...namesOf<BudgetRefusal['reason']>('BudgetReason').flatMap((reason) =>
    [null, NUMBER].map((number) => ({
      code: 'budgetRefused' as const,
      budget: { budget: 1, reason, rule: null, limitMsat: number, leftMsat: number, neededMsat: number, until: null },
    })),
  ),
];

describe('every error', () => {
  it('is known', () => {
    expect(CODES.length).toBeGreaterThan(35);
    expect(namesOf('NoRouteReason').length).toBeGreaterThan(5);
    expect(namesOf('BudgetReason').length).toBeGreaterThan(5);
  });

  for (const locale of ['en', 'de'] as const) {
    it(`has a title and help of its own in ${locale}, with numbers as they are written there`, () => {
      overwriteGetLocale(() => locale);
      for (const problem of problems) {
        for (const open of [true, false]) {
          const words = [errorTitle(problem), helpFor(problem, around(locale, open))];
          for (const text of words) {
            expect([problem, text]).toEqual([problem, expect.stringMatching(/^\p{Lu}.*[\p{L}.]$/u)]);
            expect(text).not.toMatch(/\{|undefined|null|msat|\d{5}/);
          }
        }
      }
    });
  }

  it('says it in both languages differently', () => {
    const inBoth = (['en', 'de'] as const).map((locale) => {
      overwriteGetLocale(() => locale);
      return problems.map((problem) => `${errorTitle(problem)} ${helpFor(problem, around(locale, true))}`);
    });
    inBoth[0]?.forEach((text, at) => expect(text).not.toBe(inBoth[1]?.[at]));
    expect(inBoth[1]?.join(' ')).toContain('4.048.169\u00a0sat');
    overwriteGetLocale(() => 'en');
  });
});
