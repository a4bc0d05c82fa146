/** What the page's state is told, and what it says. */

import type { OpenOptions } from 'amplet';
import type { SiteRecordsAccess } from './sites.ts';
import type { UnlockedSession } from './unlocked.ts';

/** Differences between the places where a wallet is shown. */
export interface AppOptions {
  /** Given by pages that come and go while the wallet stays open. */
  session?: UnlockedSession;
  /** Given where sites are let in: by the extension. */
  sites?: SiteRecordsAccess;
}

/** How a wallet is opened. */
export type Opening = Pick<
  OpenOptions,
  'passphrase' | 'passkey' | 'key' | 'mnemonic' | 'fresh' | 'takeOver' | 'backup' | 'file' | 'moveHere' | 'onProgress'
>;

/** `moved`: another device has the wallet now. */
export type Phase = 'loading' | 'blocked' | 'welcome' | 'locked' | 'moved' | 'open';

/** What came back of a wallet that was restored: all; all, with channels that rest; what is in the file; savings alone. */
export type Restored = 'backup' | 'rests' | 'file' | 'words';
