/** The backup that a gateway offers, and what a new device of this wallet needs. */

import type { BackupOptions, Gateway, PairedWallet, Settings, Status } from 'amplet';
import { guessDevice } from '../text/device.ts';
import { parseGatewayAddress } from './config.ts';
import type { Opening, Restored } from './types.ts';

/** Path of the backup's operations at a gateway. */
const PATH = '/vss/v1';
/** Ms after which a gateway that does not answer counts as offering none. */
const LIMIT_MS = 5000;

/** Name of this device. */
export const thisDevice = (): string => guessDevice(navigator.userAgent);

/** A backup at `url`, for a device of this name. */
export const backupAt = (url: string, deviceName = thisDevice()): BackupOptions => ({ url, deviceName });

/** Returns what came back of a wallet that was opened in this way. */
export function cameBack({ backup, file }: Pick<Opening, 'backup' | 'file'>, status: Status | null): Restored {
  if (file !== undefined) return 'file';
  if (backup === undefined) return 'words';
  return status?.backup?.mode === 'lagging' ? 'rests' : 'backup';
}

/** The part of a backup that was read, from 0 to 1; `null`: it is not known how much there is. */
export const partOf = ({ done, of }: { done: number; of: number }): number | null => (of === 0 ? null : done / of);

/** The HTTP side of a gateway. */
function httpBase({ address, chainUrl }: Gateway): string | null {
  if (chainUrl !== undefined) return chainUrl.replace(/\/+$/, '');
  const url = parseGatewayAddress(address)?.url;
  return url === undefined ? null : new URL(url).origin.replace(/^ws/, 'http');
}

/** Returns where a wallet's backup may be kept: at the first gateway that offers it; `null`: none does, or none was reached. */
export async function offeredBackup(gateways: readonly Gateway[], takesNew: boolean): Promise<string | null> {
  for (const gateway of gateways) {
    const base = httpBase(gateway);
    if (base !== null && (await offers(`${base}${PATH}`, takesNew))) return `${base}${PATH}`;
  }
  return null;
}

async function offers(url: string, takesNew: boolean): Promise<boolean> {
  try {
    const response = await fetch(`${url}/info`, { signal: AbortSignal.timeout(LIMIT_MS), credentials: 'omit' });
    if (!response.ok) return false;
    const terms: unknown = await response.json();
    return !takesNew || (typeof terms === 'object' && terms !== null && 'takesNew' in terms && terms.takesNew === true);
  } catch {
    return false; // away: nothing is promised
  }
}

/** URL of the gateway that passes letters on; `null`: there is none. */
export const mailboxOf = ({ gateways }: Pick<Settings, 'gateways'>): string | null =>
  gateways.map(httpBase).find((base) => base !== null) ?? null;

/** What `offerPairing` takes, for a wallet with these words and a backup at `backupUrl`; `null`: there is no gateway to pass it on. */
export function pairingOf(
  { network, gateways, chainSources }: Settings,
  words: readonly string[],
  backupUrl: string,
): { mailbox: string; wallet: PairedWallet } | null {
  const mailbox = mailboxOf({ gateways });
  if (mailbox === null) return null;
  return { mailbox, wallet: { mnemonic: words.join(' '), network, gateways, chainSources, backupUrl } };
}
