// From options to an open wallet: check, connect, prove the passphrase, open.

import { checkEnvironment } from '#platform';
import { WalletError } from '../base/error.ts';
import type { DerivedKey } from '../link/kdf.ts';
import { checkName } from '../link/names.ts';
import type { Opened } from '../link/wire.ts';
import { orAborted } from './abort.ts';
import { Link, Retry, type Ending } from './link.ts';
import { generateMnemonic } from './mnemonic.ts';
import { checkOptions, toEngine, type AnyOptions, type OpenBase, type OpenOptions } from './open-options.ts';
import { byPasskey, forgetKey, keyFor, newKey, sourcesOf, type Unlock } from './unlock.ts';

/** The worker generation to start with, per wallet, and what a crashed engine said last. */
const generations = new Map<string, number>();
const lastLogs = new Map<string, readonly string[]>();

/** The words of wallets that this page has created, by name, until somebody takes them: whoever created one may be gone by then. */
export const untaken = new Map<string, string>();

/** Number of times that a page follows engines that moved before it gives up. */
const MAX_MOVES = 4;

/** Remembers where a wallet continues after its engine ended. */
export function remember(name: string, ending: Ending): void {
  generations.set(name, ending.next);
  if (ending.error.log.length > 0) lastLogs.set(name, ending.error.log);
}

/** A wallet that was opened. */
export interface OpenedLink {
  link: Link;
  /** How to open it again, with its key. */
  again: OpenBase & { key: Uint8Array };
}

/**
 * What {@link openLink} returned: a `Wallet` is made of nothing else.
 * @throws {WalletError} `invalidInput`
 */
export function fromOpen(opened: OpenedLink): OpenedLink {
  if (!((opened as OpenedLink | undefined)?.link instanceof Link))
    throw new WalletError('invalidInput', 'A `Wallet` is made by `await Wallet.open({ … })`, not by `new`.');
  return opened;
}

/** Opens a wallet; see `Wallet.open`. Of one that was created, {@link untaken} has the words. */
export async function openLink(options: OpenOptions): Promise<OpenedLink> {
  checkOptions(options);
  const { signal } = options;
  checkEnvironment();
  signal?.throwIfAborted();
  let link: Link | null = null;
  return orAborted(
    open(options, (connected) => (link = connected)),
    signal,
    (reject) => {
      reject(signal?.reason);
      link?.close();
    },
  );
}

/** Tells `connected` of each connection that it makes: whoever gives up closes it. */
async function open(options: AnyOptions, connected: (link: Link) => void): Promise<OpenedLink> {
  const link = await connect(options.name);
  connected(link);
  try {
    options.signal?.throwIfAborted();
    let create = options.create === true;
    if (options.create === 'ifMissing') create = (await sourcesOf(link)) === null;
    return await openOn(link, { ...options, create }, connected);
  } catch (error) {
    link.close();
    // Somebody else has created it meanwhile: it is there now.
    if (options.create === 'ifMissing' && error instanceof WalletError && error.code === 'walletExists')
      return open({ ...options, create: false }, connected);
    throw error;
  }
}

/** Opens over a connection that was made, or over the next, where the engine moves. */
async function openOn(first: Link, options: AnyOptions, connected: (link: Link) => void): Promise<OpenedLink> {
  let link = first;
  let made: Uint8Array | null = null;
  try {
    const creates = options.create === true || options.mnemonic !== undefined;
    const mnemonic = options.create === true ? await generateMnemonic() : null;
    const { key, params } = await keyOf(options, creates, link);
    if (creates) made = params;
    // Who has given up meanwhile gets no wallet made or opened.
    options.signal?.throwIfAborted();
    const engineOptions = toEngine(options, mnemonic);
    for (let moves = 0; ; moves += 1) {
      const log = [...(lastLogs.get(options.name) ?? [])];
      const opened = (await link.call(
        { method: 'open', options: engineOptions, key, source: made, takeOver: options.takeOver === true, log },
        options.onProgress,
      )) as Opened;
      if ('opened' in opened) break;
      if (moves === MAX_MOVES)
        throw new WalletError('inUse', 'The wallet moves between tabs: close the other tabs, then try again.');
      link.close();
      generations.set(options.name, opened.elsewhere);
      link = await connect(options.name);
      connected(link);
      options.signal?.throwIfAborted();
    }
    if (mnemonic !== null) untaken.set(options.name, mnemonic);
    else if (untaken.has(options.name)) await forgetOthers(options.name, link, key);
    const { name, network, gateways, chainSources, zeroFeeCommitments } = options;
    const again = { name, network, gateways, chainSources, zeroFeeCommitments, key: key.slice() };
    key.fill(0);
    lastLogs.delete(options.name);
    return { link, again };
  } catch (error) {
    link.close();
    if (made !== null) forgetKey(made);
    throw error;
  }
}

/** Words of a wallet that another tab has deleted, and made anew, are not this one's. */
async function forgetOthers(name: string, link: Link, key: Uint8Array): Promise<void> {
  if ((await link.call({ method: 'words', key })) !== untaken.get(name)) untaken.delete(name);
}

/**
 * The key that opens a wallet in place of its passphrase, or of one of its passkeys. Whoever keeps it, in memory only, need not ask
 * again until that is changed or removed: an extension does, whose windows come and go.
 * @throws {WalletError} `invalidInput`, `notAllowedHere`, `walletNotFound`, `wrongPassphrase` when it has none, `passkeyRefused`,
 * `passkeyUnsupported`, `storage`, `timeout`
 */
export async function unlockKey(name: string, unlock: Unlock): Promise<Uint8Array> {
  checkName(name);
  byPasskey(unlock);
  checkEnvironment();
  const link = await connect(name);
  try {
    const sources = await sourcesOf(link);
    if (sources === null) throw notFound(name);
    return await keyFor(unlock, sources);
  } finally {
    link.close();
  }
}

/** The wallet's key; a copy, as the host wipes what it is given. */
async function keyOf(options: AnyOptions, creates: boolean, link: Link): Promise<DerivedKey> {
  const { name, key, passkey, passphrase = '' } = options;
  // Whoever has the key need not wait for more: that there is no such wallet is said by the opening.
  if (key !== undefined) return { key: key.slice(), params: new Uint8Array() };
  const sources = await sourcesOf(link);
  if (creates && sources !== null) {
    throw new WalletError(
      'walletExists',
      `There is already a wallet "${name}" in this browser: open it, or choose another name.`,
    );
  }
  if (sources === null) {
    if (!creates) throw notFound(name);
    return newKey(name, passkey === true ? { name: 'Passkey' } : (passkey ?? passphrase));
  }
  return {
    key: await keyFor(passkey === undefined ? passphrase : { passkey: true }, sources),
    params: new Uint8Array(),
  };
}

/** Connects to the host of a wallet, without opening it. */
export async function connect(name: string): Promise<Link> {
  for (let moves = 0; ; moves += 1) {
    const generation = generations.get(name) ?? 0;
    try {
      const link = await Link.connect(name, generation);
      link.onEnd = (ending) => remember(name, ending);
      return link;
    } catch (error) {
      if (!(error instanceof Retry) || moves === MAX_MOVES) throw error;
      generations.set(name, generation + 1);
    }
  }
}

/** The error for a name that no wallet has here. */
export const notFound = (name: string): WalletError =>
  new WalletError(
    'walletNotFound',
    `There is no wallet "${name}" in this browser: create it, or restore it from its mnemonic.`,
  );
