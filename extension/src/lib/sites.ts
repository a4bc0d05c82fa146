/** What the wallet host keeps about sites, for the wallet's tab. */

import type { ConnectedSite, SiteRecordsAccess } from 'amplet-ui/app/sites.ts';
import type { BrowserTask, ToWalletHost } from './messages.ts';

/** Asks the wallet host, which runs then. Throws when it fails, which the host's log explains. */
async function ask<T>(message: ToWalletHost): Promise<T> {
  await chrome.runtime.sendMessage({ to: 'browser', ask: 'wake' } satisfies BrowserTask);
  const answer: unknown = await chrome.runtime.sendMessage(message);
  if (answer === undefined || answer === null) throw new Error('The extension did not answer: try again.');
  return answer as T;
}

export const siteRecords: SiteRecordsAccess = {
  payers: async () => new Map(await ask<[string, string][]>({ to: 'walletHost', ask: 'payers' })),
  list: () => ask<ConnectedSite[]>({ to: 'walletHost', ask: 'connectedSites' }),
  disconnect: async (site) => void (await ask({ to: 'walletHost', ask: 'disconnect', site })),
  forget: async () => void (await ask({ to: 'walletHost', ask: 'forgetSites' })),
};
