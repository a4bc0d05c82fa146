// From options to an open wallet: check, connect, prove the passphrase, open.

import { checkEnvironment } from '#platform';
import { WalletError } from '../base/error.ts';
import type { Gateway, Network, OpenOptions as EngineOptions, RestoreProgress } from '../base/protocol.ts';
import type { DerivedKey } from '../link/kdf.ts';
import { checkName } from '../link/names.ts';
import type { Opened } from '../link/wire.ts';
import { orAborted } from './abort.ts';
import { named } from './arguments.ts';
import { toBackup, type BackupOptions } from './backup.ts';
import { Link, Retry, type Ending } from './link.ts';
import { generateMnemonic } from './mnemonic.ts';
import { byPasskey, checkPassphrase, forgetKey, keyFor, newKey, sourcesOf, type Unlock } from './unlock.ts';

/** Options of `Wallet.open`. */
export interface OpenOptions {
  /** Name of the wallet in this origin: 1 to 64 of `a-z 0-9 - _`. */
  name: string;
  /** Its network; `wrongNetwork` when the stored wallet is of another. */
  network: Network;
  /** Gateways, the first preferred. A bare address `<node id>@<wss URL>` gets no trust before confirmation. */
  gateways: (Gateway | string)[];
  /** More chain sources (block-dn base URLs) beside the gateways' own. */
  chainSources?: string[] | undefined;
  /** Passphrase that encrypts the wallet in this browser. */
  passphrase?: string | undefined;
  /**
   * In place of the passphrase: one of the wallet's passkeys, which the browser asks for; for a new wallet a passkey of this name
   * (1 to 64 characters) is made. `passkeysAvailable` returns whether to offer it.
   */
  passkey?: true | { name: string } | undefined;
  /** In place of the passphrase, for a wallet that exists: what {@link unlockKey} returned. */
  key?: Uint8Array | undefined;
  /**
   * Creates a wallet with a new mnemonic: read it from `wallet.takeMnemonic()` and have it written down. `'ifMissing'` opens the one
   * that is there, also when another tab, or this one, is creating it right now.
   */
  create?: boolean | 'ifMissing' | undefined;
  /** Creates the wallet from this mnemonic. */
  mnemonic?: string | undefined;
  /** With `mnemonic`: it was never used before (see `generateMnemonic`), so the chain is not searched for its money. */
  fresh?: boolean | undefined;
  /** With a `mnemonic` that is not fresh: the block height to search from; by default the release's checkpoint. */
  birthdayHeight?: number | undefined;
  /**
   * Experimental: commitments without a fee (BIP 431) with gateways that do so too. Their fee is paid from savings when a channel is
   * closed by force, which is not possible without savings; at most 114 HTLCs are in flight per direction, instead of 483.
   */
  zeroFeeCommitments?: boolean | undefined;
  /**
   * Remote backup, for a wallet that is made: with `create` or a `fresh` mnemonic it is set up; with another mnemonic the wallet is
   * restored from it, whole, or the opening is refused (`backupNotFound`, `backupUnreachable`). A wallet that exists remembers its
   * own, which `wallet.backup` changes.
   */
  backup?: BackupOptions | undefined;
  /**
   * With `mnemonic`: a file that `wallet.backup.export()` made, to restore from. It brings back money and history; channels rest, and are
   * closed by their peers. `backupStale` when `backup` is given too and knows a newer state.
   */
  file?: Uint8Array | undefined;
  /**
   * Take the wallet over from another device, which stops within seconds. Without it, opening is refused while another device has it:
   * `movedToAnotherDevice`, and `error.device` says which. Ask the user before: two devices would take it from each other without end.
   */
  moveHere?: boolean | undefined;
  /** Hears how much of a backup was read, in records, while it is restored. */
  onProgress?: ((progress: RestoreProgress) => void) | undefined;
  /** Take the wallet from another tab that cannot share it (`inUse`); that tab stops. */
  takeOver?: boolean | undefined;
  /**
   * Gives up the opening while it has not ended: rejects with the signal's reason, and leaves the wallet in this tab as
   * `close()` does. A wallet that was being created may be stored all the same: `Wallet.exists` says so.
   */
  signal?: AbortSignal | undefined;
}

/** Names of {@link OpenOptions}. */
const NAMES: Record<keyof OpenOptions, true> = {
  name: true,
  network: true,
  gateways: true,
  chainSources: true,
  passphrase: true,
  passkey: true,
  key: true,
  create: true,
  mnemonic: true,
  fresh: true,
  birthdayHeight: true,
  zeroFeeCommitments: true,
  backup: true,
  file: true,
  moveHere: true,
  onProgress: true,
  takeOver: true,
  signal: true,
};

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
  again: OpenOptions & { key: Uint8Array };
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
async function open(options: OpenOptions, connected: (link: Link) => void): Promise<OpenedLink> {
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
async function openOn(first: Link, options: OpenOptions, connected: (link: Link) => void): Promise<OpenedLink> {
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
async function keyOf(options: OpenOptions, creates: boolean, link: Link): Promise<DerivedKey> {
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

function checkOptions(options: OpenOptions): void {
  named('open', options ?? null, NAMES);
  checkName(options.name);
  const refuse = (message: string): never => {
    throw new WalletError('invalidInput', message);
  };
  const given = [options.passphrase, options.passkey, options.key].filter((one) => one !== undefined).length;
  if (given > 1) refuse('Give one of `passphrase`, `passkey` and `key`.');
  if (options.passkey !== undefined) {
    if (options.passkey !== true && typeof named('passkey', options.passkey, { name: true })?.name !== 'string')
      refuse('`passkey` is true, or has the `name` of a new one.');
  } else if (options.key === undefined) checkPassphrase(options.passphrase);
  else if (!(options.key instanceof Uint8Array) || options.key.length !== 32)
    refuse('`key` is what `unlockKey` answers: 32 bytes.');
  else if (options.create === true || options.create === 'ifMissing' || options.mnemonic !== undefined)
    refuse('A new wallet wants a `passphrase` or a `passkey`, not a `key`.');
  if (!Array.isArray(options.gateways)) refuse('`gateways` is a list of gateways or their addresses.');
  if (![undefined, true, false, 'ifMissing'].includes(options.create))
    refuse("`create` is true, false or 'ifMissing'.");
  if (options.create !== undefined && options.create !== false && options.mnemonic !== undefined)
    refuse('Give either `create` or `mnemonic`, not both.');
  if (options.mnemonic === undefined && (options.fresh !== undefined || options.birthdayHeight !== undefined)) {
    refuse('`fresh` and `birthdayHeight` go with `mnemonic` only.');
  }
  if (options.backup !== undefined) toBackup(options.backup);
  if (options.file !== undefined && (options.mnemonic === undefined || !(options.file instanceof Uint8Array)))
    refuse('`file` is an Uint8Array, and goes with `mnemonic` only.');
}

/** The error for a name that no wallet has here. */
export const notFound = (name: string): WalletError =>
  new WalletError(
    'walletNotFound',
    `There is no wallet "${name}" in this browser: create it, or restore it from its mnemonic.`,
  );

function toEngine(options: OpenOptions, created: string | null): EngineOptions {
  const mnemonic = created ?? options.mnemonic;
  return {
    name: options.name,
    network: options.network,
    gateways: options.gateways.map((gateway) =>
      typeof gateway === 'string' ? { address: gateway, trustZeroConf: false } : gateway,
    ),
    chainSources: options.chainSources ?? [],
    fresh: created !== null || options.fresh === true,
    ...(mnemonic === undefined ? {} : { mnemonic }),
    ...(options.backup === undefined ? {} : { backup: toBackup(options.backup) }),
    ...(options.file === undefined ? {} : { file: options.file }),
    ...(options.moveHere === true ? { moveHere: true } : {}),
    ...(options.zeroFeeCommitments === true ? { zeroFeeCommitments: true } : {}),
    ...(options.birthdayHeight === undefined ? {} : { birthdayHeight: options.birthdayHeight }),
  };
}
