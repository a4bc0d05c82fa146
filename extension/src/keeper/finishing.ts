/** A wallet whose payments of sites are finished before it is locked. */

import type { SiteWallet } from 'amplet/provider';
import { atWork } from '../../../www/src/lib/work';

export const finishing = (wallet: SiteWallet): SiteWallet => ({
  ...wallet,
  pay: (details, options) => atWork(() => wallet.pay(details, options)),
  keysend: (request) => atWork(() => wallet.keysend(request)),
});
