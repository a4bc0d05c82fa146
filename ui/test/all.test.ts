import { expect, it } from 'vitest';
import { largestSat } from '../src/channels/all.ts';

it('finds the largest amount that fits, whatever the fee does on the way', async () => {
  for (const limit of [20_000n, 20_001n, 777_777n, 1_499_999n, 1_500_000n]) {
    let asked = 0;
    const fits = async (sat: bigint) => {
      asked += 1;
      return sat <= limit;
    };
    expect(await largestSat(fits, 20_000n, 1_500_000n)).toBe(limit);
    expect(asked).toBeLessThan(25);
  }
  expect(await largestSat(async () => false, 20_000n, 1_500_000n)).toBeNull();
  expect(await largestSat(async () => true, 20_000n, 19_999n)).toBeNull();
});
