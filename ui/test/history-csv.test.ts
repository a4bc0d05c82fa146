import { describe, expect, it } from 'vitest';
import type { Payment } from 'amplet';
import { cell, historyCsv } from '../src/payments/history-csv.ts';

const paid = {
  id: 'ab'.repeat(32),
  direction: 'outbound',
  kind: 'bolt11',
  amountMsat: 9_007_199_254_740_993_001n,
  feeMsat: 12n,
  description: 'Two coffees, "large"',
  invoice: 'lnbcrt1',
  payee: `02${'cd'.repeat(32)}`,
  preimage: 'ef'.repeat(32),
  txid: null,
  confirmations: 0,
  hops: 2,
  createdAt: 1_795_000_000n,
  settledAt: 1_795_000_060n,
  expiresAt: null,
  durationMs: 80n,
  parts: [],
  state: 'succeeded',
} satisfies Payment;

describe('the history as CSV', () => {
  it('has one line per payment, exact to the msat', () => {
    const deposit: Payment = {
      ...paid,
      id: '99',
      kind: 'onchain',
      direction: 'inbound',
      amountMsat: null,
      feeMsat: null,
      description: '',
      payee: null,
      preimage: null,
      txid: '99',
      settledAt: null,
      state: 'pending',
    };
    const [head, first, second, ...rest] = historyCsv(
      [paid, deposit],
      new Map([[paid.id, 'https://shop.example']]),
    ).split('\r\n');
    expect(head).toBe(
      'date,direction,kind,state,amount_msat,fee_msat,description,holder,payee,payment_hash,preimage,txid',
    );
    expect(first).toBe(
      `2026-11-18T11:07:40Z,outbound,bolt11,succeeded,9007199254740993001,12,"Two coffees, ""large""",https://shop.example,${paid.payee},${paid.id},${paid.preimage},`,
    );
    expect(second).toBe('2026-11-18T11:06:40Z,inbound,onchain,pending,,,,,,,,99');
    expect(rest).toEqual(['']);
  });
  it('is never taken for a formula, nor for two cells', () => {
    for (const text of ['=1+1', '+1', '-2', '@SUM(A1)', '\t=1', '\r=1', '＝1'])
      expect(cell(text).replace(/^"/, '')).toMatch(/^'/);
    expect(cell('=HYPERLINK("http://x","y")')).toBe(`"'=HYPERLINK(""http://x"",""y"")"`);
    expect(cell('a\nb;c')).toBe('"a\nb;c"');
    expect(cell('plain')).toBe('plain');
  });
});
