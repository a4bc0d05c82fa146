import type { Payment } from 'amplet';
import { describe, expect, it } from 'vitest';
import { receiptText } from '../src/payments/receipt.ts';

const payment = (more: Partial<Payment>): Payment =>
  ({
    id: 'ab',
    kind: 'bolt11',
    direction: 'outbound',
    state: 'succeeded',
    amountMsat: 25_000_000n,
    feeMsat: 26_500n,
    description: 'Two coffees',
    payee: null,
    preimage: 'cd',
    txid: null,
    createdAt: 1_790_000_000n,
    settledAt: 1_790_000_001n,
    ...more,
  }) as Payment;

const plain = (text: string) => text.replaceAll(/[^\S\n]/g, ' ');
const textOf = (more: Partial<Payment>) => plain(receiptText(payment(more), null, 'sat', 'en'));

describe('receiptText', () => {
  it('has amount, fee and both together, to the last digit', () => {
    expect(textOf({})).toContain('Amount: 25,000 sat\nFee: 26.5 sat\nAltogether: 25,026.5 sat');
  });
  it('tells no fee of what came on the chain: nobody here paid a fee of 0', () => {
    for (const kind of ['onchain', 'channelClose'] as const)
      expect(textOf({ kind, direction: 'inbound', txid: 'ef', feeMsat: 0n })).not.toContain('Fee');
  });
  it('tells what a close cost where it is recorded, and nothing where it is not', () => {
    const close = { kind: 'channelClose', direction: 'inbound', txid: 'ef' } as const;
    expect(textOf({ ...close, feeMsat: 727_000n })).toContain('Fee: 727 sat');
    expect(textOf({ ...close, feeMsat: null })).not.toContain('Fee');
  });
});
