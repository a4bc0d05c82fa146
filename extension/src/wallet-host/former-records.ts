/** Moves what earlier releases kept about sites, in a database of its own, into the wallet's store. */

import type { Wallet } from 'amplet';
import type { Json } from 'amplet/provider';
import type { FormerDatabase } from './former-database.ts';
import { unsealed } from './former-seal.ts';

/** There from when the records are in the wallet until the database is gone: what is in both was moved already. */
const MOVED = 'moved/amplet-sites';
/** Bounds of the wallet's records, in bytes. */
const [MAX_KEY, MAX_VALUE] = [700, 65_536];

/** The open wallet, as far as it is used. */
type Mover = Pick<Wallet, 'logIn' | 'setSiteRecords' | 'siteRecord'>;

/**
 * Moves them in one transaction of the wallet, and then deletes the database; interrupted anywhere, it is to be called again, and
 * loses nothing and brings nothing back. Rejects when the wallet or the database fails.
 */
export async function moveFormerRecords(wallet: Mover, database: FormerDatabase): Promise<void> {
  const found = await database.read();
  if (found === null) return;
  if ((await wallet.siteRecord(MOVED)) === null) {
    const records = [...(await unsealed(wallet, found.sealed)), ...found.open].map(asRecord).filter(fits);
    await wallet.setSiteRecords([...records, { key: MOVED, value: 'true' }]);
  }
  await database.delete();
  await wallet.setSiteRecords([{ key: MOVED, value: null }]);
}

const asRecord = ([key, value]: readonly [string, Json]) => ({ key, value: JSON.stringify(value) });

/** Nothing that the earlier releases wrote is longer; what a damaged database holds keeps nobody from the rest. */
function fits({ key, value }: { key: string; value: string }): boolean {
  const bytes = (text: string): number => new TextEncoder().encode(text).length;
  return key !== '' && bytes(key) <= MAX_KEY && bytes(value) <= MAX_VALUE;
}
