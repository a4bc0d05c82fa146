// What is asked of a stored wallet without opening it.

import { checkEnvironment } from '#platform';
import { checkName } from '../link/names.ts';
import type { Link } from './link.ts';
import { connect, notFound } from './open.ts';
import * as unlocks from './unlock.ts';
import type { Unlock } from './unlock.ts';

/**
 * Connects to the host of that wallet's engine for this work alone.
 * @throws {WalletError} `invalidInput`, `notAllowedHere`, `timeout`
 */
export async function briefly<T>(name: string, work: (link: Link) => Promise<T>): Promise<T> {
  checkName(name);
  checkEnvironment();
  const link = await connect(name);
  try {
    return await work(link);
  } finally {
    link.close();
  }
}

/**
 * The wallet's words, for what opens it.
 * @throws {WalletError} `walletNotFound`, `wrongPassphrase`, `passkeyRefused`, `passkeyUnsupported`
 */
export async function words(name: string, link: Link, unlock: Unlock): Promise<string> {
  const sources = await unlocks.sourcesOf(link);
  if (sources === null) throw notFound(name);
  return (await link.call({ method: 'words', key: await unlocks.keyFor(unlock, sources) })) as string;
}
