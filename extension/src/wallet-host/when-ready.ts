/** A wallet whose payments of sites wait for it to reach its gateways, and are finished before it is locked. */

import type { SiteWallet } from 'amplet/provider';
import { atWork } from 'amplet-ui/app/work.ts';

/** @param reached resolves when a wallet that was just opened can pay, or seems not to get there */
export const whenReady = (wallet: SiteWallet, reached: () => Promise<void>): SiteWallet => ({
  ...wallet,
  inspect: async (invoice) => {
    await reached(); // what it says of an invoice is whether it could be paid now
    return wallet.inspect(invoice);
  },
  pay: (details, options) => atWork(() => wallet.pay(details, options)),
  keysend: async (request) => {
    await reached();
    return atWork(() => wallet.keysend(request));
  },
});
