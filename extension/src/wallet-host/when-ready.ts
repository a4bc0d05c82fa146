/**
 * A wallet whose payments of sites wait for it to reach its gateways, and are finished before it is locked. It makes no invoice that
 * nobody could pay.
 */

import type { Wallet } from 'amplet';
import { ProviderError, type SiteWallet } from 'amplet/provider';
import { atWork } from 'amplet-ui/app/work.ts';
import { SEAL_DOMAIN } from './former-seal.ts';

interface Parts {
  /** Resolves when a wallet that was just opened can pay, or seems not to get there. */
  reached: () => Promise<void>;
  /** The wallet that is open now; throws while it is locked. */
  open: () => Pick<Wallet, 'balance'>;
}

export const whenReady = (wallet: SiteWallet, { reached, open }: Parts): SiteWallet => ({
  ...wallet,
  receive: async (request) => {
    await reached();
    const { receivableMsat } = await open().balance();
    if (receivableMsat === 0n || (request.amountMsat ?? 0n) > receivableMsat)
      throw new ProviderError('RejectionError', 'The wallet has no room to receive this now: nothing was made.');
    return wallet.receive(request);
  },
  lacks: async (amountMsat) => {
    await reached(); // what a channel holds can be sent once it is up
    return wallet.lacks(amountMsat);
  },
  inspect: async (invoice) => {
    await reached(); // what it says of an invoice is whether it could be paid now
    return wallet.inspect(invoice);
  },
  lnurlAuth: async (request) => {
    if (request.domain === SEAL_DOMAIN || wallet.lnurlAuth === undefined)
      throw new ProviderError('InvalidDataError', 'There is no login at this domain.');
    return wallet.lnurlAuth(request);
  },
  pay: (details, options) => atWork(() => wallet.pay(details, options)),
  keysend: async (request) => {
    await reached();
    return atWork(() => wallet.keysend(request));
  },
});
