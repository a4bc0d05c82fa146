import type { PaymentPart, PartState } from 'amplet';
import { describe, expect, it } from 'vitest';
import { countStates, groupParts, progressOf } from '../src/payments/parts.ts';

const part = (channel: string, node: string, amountMsat: bigint, state: PartState): PaymentPart => ({
  path: channel === '' ? [] : [{ channel, node }],
  amountMsat,
  feeMsat: 10n,
  state,
  probabilityPpm: null,
  failedAt: null,
});

const PARTS = [
  part('1x1x1', 'A', 100n, 'succeeded'),
  part('2x1x1', 'B', 400n, 'succeeded'),
  part('1x1x2', 'A', 250n, 'pending'),
  part('1x1x1', 'A', 999n, 'failed'),
  part('2x1x1', 'B', 50n, 'pending'),
];

describe('sums of parts', () => {
  it('counts the states', () => {
    expect(countStates(PARTS)).toEqual({ succeeded: 2, pending: 2, failed: 1 });
  });

  it('tells what arrived, what is in flight, and what is to be sent again', () => {
    expect(progressOf(PARTS, 1_000n)).toMatchObject({
      arrivedMsat: 500n,
      inFlightMsat: 300n,
      toSendMsat: 200n,
      amountMsat: 800n,
      feeMsat: 40n,
    });
    // More in flight than asked for, as an overpaying route may: nothing is missing.
    expect(progressOf(PARTS, 700n).toSendMsat).toBe(0n);
    expect(progressOf(PARTS, null).toSendMsat).toBe(0n);
    expect(progressOf([], 5n)).toMatchObject({ arrivedMsat: 0n, toSendMsat: 5n });
  });

  it('groups by gateway, then by channel, the largest first', () => {
    const groups = groupParts(PARTS);
    expect(groups.map(({ node, amountMsat, counts }) => [node, amountMsat, counts])).toEqual([
      ['B', 450n, { succeeded: 1, pending: 1, failed: 0 }],
      ['A', 350n, { succeeded: 1, pending: 1, failed: 1 }],
    ]);
    expect(groups[1]?.channels.map(({ channel, amountMsat, parts }) => [channel, amountMsat, parts.length])).toEqual([
      ['1x1x2', 250n, 1],
      ['1x1x1', 100n, 2],
    ]);
  });

  it('keeps every part of a thousand, also those without a path', () => {
    const many = Array.from({ length: 1_000 }, (_, at) =>
      part(at % 100 === 0 ? '' : `1x${at % 7}x0`, `N${at % 3}`, 1_000n, 'succeeded'),
    );
    const groups = groupParts(many);
    expect(groups.flatMap(({ channels }) => channels.flatMap(({ parts }) => parts))).toHaveLength(1_000);
    expect(groups.reduce((sum, { amountMsat }) => sum + amountMsat, 0n)).toBe(1_000_000n);
  });
});
