/** An invoice that nobody could pay is not handed to a site. */

import { expect, test } from 'vitest';
import { FakeWallet } from '../../../pkg/test/unit/site-fakes.ts';
import { SEAL_DOMAIN } from '../../src/wallet-host/former-seal.ts';
import { whenReady } from '../../src/wallet-host/when-ready.ts';

const withRoom = (receivableMsat: bigint) =>
  whenReady(new FakeWallet(), {
    reached: async () => {},
    open: () => ({ balance: async () => ({ receivableMsat }) as never }),
  });

test('no site has anything signed for the domain that seals what is kept about sites', async () => {
  const wallet = withRoom(0n);
  await expect(wallet.lnurlAuth?.({ domain: SEAL_DOMAIN, k1: '00'.repeat(32) })).rejects.toMatchObject({
    name: 'InvalidDataError',
  });
});

test('without room none is made, with room one is', async () => {
  const order = { description: 'a thing', amountMsat: 5_000n };
  for (const room of [0n, 4_999n])
    await expect(withRoom(room).receive(order)).rejects.toMatchObject({ name: 'RejectionError' });
  await expect(withRoom(0n).receive({ description: '' })).rejects.toMatchObject({ name: 'RejectionError' });
  expect(await withRoom(5_000n).receive(order)).toHaveProperty('invoice');
});
