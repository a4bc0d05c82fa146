// What a wallet is opened with: as a program gives it, checked, and as the engine takes it.

import { WalletError } from '../base/error.ts';
import { BYTES, FLAG, FUNCTION, must, SIGNAL, TEXT, TEXTS, whole } from '../base/kinds.ts';
import type { Names } from '../base/named.ts';
import type { Gateway, Network, OpenOptions as EngineOptions, RestoreProgress } from '../base/protocol.ts';
import { checkName } from '../link/names.ts';
import { configured, named, NETWORK } from './arguments.ts';
import { toBackup, type BackupOptions } from './backup.ts';
import { checkPassphrase } from './unlock.ts';

/** What the opening of any wallet takes. */
export interface OpenBase {
  /** Name of the wallet in this origin: 1 to 64 of `a-z 0-9 - _`. */
  name: string;
  /** Its network; `wrongNetwork` when the stored wallet is of another. */
  network: Network;
  /** Gateways, the first preferred. A bare address `<node id>@<wss URL>` gets no trust before confirmation. */
  gateways: (Gateway | string)[];
  /** More chain sources (block-dn base URLs) beside the gateways' own. */
  chainSources?: string[] | undefined;
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

/** Opens with the passphrase that encrypts the wallet in this browser. */
export interface ByPassphrase {
  /** Passphrase that encrypts the wallet in this browser. */
  passphrase: string;
  /** Not beside a passphrase. */
  passkey?: undefined;
  /** Not beside a passphrase. */
  key?: undefined;
}

/** Opens with a passkey. */
export interface ByPasskey {
  /**
   * One of the wallet's passkeys, which the browser asks for; for a new wallet a passkey of this `name` (1 to 64 characters) is made.
   * `passkeysAvailable` returns whether to offer it.
   */
  passkey:
    | true
    | {
        /** Name to know it by. */
        name: string;
      };
  /** Not beside a passkey. */
  passphrase?: undefined;
  /** Not beside a passkey. */
  key?: undefined;
}

/** Opens with a key, for a wallet that exists. */
export interface ByKey {
  /** What {@link unlockKey} returned. */
  key: Uint8Array;
  /** Not beside a key. */
  passphrase?: undefined;
  /** Not beside a key. */
  passkey?: undefined;
}

/** Opens the wallet that is there. */
export interface OpenStored {
  /** Not for a wallet that is there. */
  create?: false | undefined;
  /** Not for a wallet that is there. */
  mnemonic?: undefined;
  /** Goes with `mnemonic`. */
  fresh?: undefined;
  /** Goes with `mnemonic`. */
  birthdayHeight?: undefined;
  /** Goes with `mnemonic`. */
  file?: undefined;
}

/** Makes a wallet. */
export interface OpenCreated {
  /**
   * Creates a wallet with a new mnemonic: read it from `wallet.takeMnemonic()` and have it written down. `'ifMissing'` opens the one
   * that is there, also when another tab, or this one, is creating it right now.
   */
  create: boolean | 'ifMissing';
  /** Not for a new wallet. */
  mnemonic?: undefined;
  /** Goes with `mnemonic`. */
  fresh?: undefined;
  /** Goes with `mnemonic`. */
  birthdayHeight?: undefined;
  /** Goes with `mnemonic`. */
  file?: undefined;
}

/** Makes a wallet from its words. */
export interface OpenRestored {
  /** Creates the wallet from this mnemonic. */
  mnemonic: string;
  /** It was never used before (see `generateMnemonic`), so the chain is not searched for its money. */
  fresh?: boolean | undefined;
  /** With a mnemonic that is not fresh: the block height to search from; by default the release's checkpoint. */
  birthdayHeight?: number | undefined;
  /**
   * A file that `wallet.backup.export()` made, to restore from. It brings back money and history; channels rest, and are
   * closed by their peers. `backupStale` when `backup` is given too and knows a newer state.
   */
  file?: Uint8Array | undefined;
  /** Not with a mnemonic. */
  create?: false | undefined;
}

/**
 * Options of `Wallet.open`: one of `passphrase`, `passkey` and (for a wallet that exists) `key`; and `create`, or `mnemonic`, or
 * neither, to open the wallet that is there.
 */
export type OpenOptions =
  (OpenBase & (ByPassphrase | ByPasskey) & (OpenStored | OpenCreated | OpenRestored)) | (OpenBase & ByKey & OpenStored);

/** Options of `Wallet.restore`: those of `Wallet.open` that go with a mnemonic. */
export type RestoreOptions = OpenBase & (ByPassphrase | ByPasskey) & Omit<OpenRestored, 'fresh' | 'create'>;

/** Every option, whichever go together: once they are checked. */
export type AnyOptions = Pick<OpenOptions, keyof OpenOptions>;

const NAMES: Names<AnyOptions> = {
  name: true,
  network: NETWORK,
  gateways: true,
  chainSources: TEXTS,
  passphrase: true,
  passkey: true,
  key: BYTES,
  create: true,
  mnemonic: TEXT,
  fresh: FLAG,
  birthdayHeight: whole(0, 0xffff_ffff),
  zeroFeeCommitments: FLAG,
  backup: true,
  file: BYTES,
  moveHere: FLAG,
  onProgress: FUNCTION,
  takeOver: FLAG,
  signal: SIGNAL,
};

const refuse = (message: string): never => {
  throw new WalletError('invalidInput', message);
};

/**
 * Checks what a program gave.
 * @throws {WalletError} `invalidInput`
 */
export function checkOptions(options: AnyOptions): void {
  // What is not there at all is told by name, as what is no object.
  named<AnyOptions>('open', options ?? (null as never), NAMES);
  checkName(options.name);
  must('network', options.network, NETWORK);
  configured(options.gateways);
  checkUnlock(options);
  if (![undefined, true, false, 'ifMissing'].includes(options.create))
    refuse("`create` is true, false or 'ifMissing'.");
  if (options.create !== undefined && options.create !== false && options.mnemonic !== undefined)
    refuse('Give either `create` or `mnemonic`, not both.');
  if (options.mnemonic === undefined && (options.fresh !== undefined || options.birthdayHeight !== undefined))
    refuse('`fresh` and `birthdayHeight` go with `mnemonic` only.');
  if (options.backup !== undefined) toBackup(options.backup);
  if (options.file !== undefined && options.mnemonic === undefined) refuse('`file` goes with `mnemonic` only.');
}

function checkUnlock({ passphrase, passkey, key, create, mnemonic }: AnyOptions): void {
  if ([passphrase, passkey, key].filter((one) => one !== undefined).length > 1)
    refuse('Give one of `passphrase`, `passkey` and `key`.');
  if (passkey !== undefined) {
    if (passkey !== true && typeof named('passkey', passkey, { name: TEXT })?.name !== 'string')
      refuse('`passkey` is true, or has the `name` of a new one.');
  } else if (key === undefined) checkPassphrase(passphrase);
  else if (key.length !== 32) refuse('`key` is what `unlockKey` answers: 32 bytes.');
  else if (create === true || create === 'ifMissing' || mnemonic !== undefined)
    refuse('A new wallet wants a `passphrase` or a `passkey`, not a `key`.');
}

/** Options as the engine takes them; `created`: the words of a wallet that is made now. */
export function toEngine(options: AnyOptions, created: string | null): EngineOptions {
  const mnemonic = created ?? options.mnemonic;
  return {
    name: options.name,
    network: options.network,
    gateways: configured(options.gateways),
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
