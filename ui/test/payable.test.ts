import { expect, it } from 'vitest';
import { payableIn } from '../src/text/payable.ts';

const INVOICE = `lnbc250u1p${'q'.repeat(90)}`;
const ADDRESS = 'bcrt1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqvg32hk';

it('finds what can be paid in what people copy', () => {
  for (const [text, found] of [
    [INVOICE, INVOICE],
    [INVOICE.toUpperCase(), INVOICE.toUpperCase()],
    [`Please pay "${INVOICE}", thanks`, INVOICE],
    [`lightning:${INVOICE}`, `lightning:${INVOICE}`],
    [`web+lightning:${INVOICE}`, `web+lightning:${INVOICE}`],
    [`bitcoin:${ADDRESS}?amount=0.1&label=x`, `bitcoin:${ADDRESS}?amount=0.1&label=x`],
    [`to ${ADDRESS}.`, ADDRESS],
    [`lno1${'q'.repeat(40)}`, `lno1${'q'.repeat(40)}`],
    ['hello there', null],
    ['lightning is fast: bitcoin too', null],
    ['', null],
  ] as const)
    expect([text, payableIn(text)]).toEqual([text, found]);
});
