// What opens a wallet: passphrase and passkeys, to keys, and the sources that the wallet's header names.

import { deriveKey } from '#platform';
import { WalletError } from '../base/error.ts';
import { isObject } from '../base/kinds.ts';
import type { DerivedKey } from '../link/kdf.ts';
import type { Key, KeySource } from '../link/wire.ts';
import { named } from './arguments.ts';
import type { Link } from './link.ts';
import {
  forgetPasskey,
  isPasskey,
  keyOfPasskey,
  makePasskey,
  passkeysOf,
  passkeySource,
  type Passkey,
} from './passkeys.ts';

/** What proves that a user may open a wallet: its passphrase, or one of its passkeys (the browser asks for it). */
export type Unlock = string | { passkey: true };

/** What opens a wallet. */
export interface Unlocking {
  /** True if it has a passphrase. */
  passphrase: boolean;
  /** Its passkeys, oldest first. */
  passkeys: Passkey[];
}

/** The sources of the keys that open the wallet of this link; `null` when there is none. */
export async function sourcesOf(link: Link): Promise<KeySource[] | null> {
  return (await link.call({ method: 'keySources' })) as KeySource[] | null;
}

/** The source of the key that the passphrase gives; `undefined`: there is no passphrase. */
const passphraseSource = (sources: readonly KeySource[]): KeySource | undefined =>
  sources.find((source) => !isPasskey(source));

/** The same, for its user. */
export const unlockingOf = (sources: KeySource[]): Unlocking => ({
  passphrase: passphraseSource(sources) !== undefined,
  passkeys: passkeysOf(sources),
});

/**
 * The key of a passphrase or a passkey of a wallet with these sources.
 * @throws {WalletError} `invalidInput`, `wrongPassphrase` when it has no passphrase, `passkeyRefused`, `passkeyUnsupported`
 */
export async function keyFor(unlock: Unlock, sources: readonly KeySource[]): Promise<Key> {
  if (byPasskey(unlock)) return keyOfPasskey(sources);
  const source = passphraseSource(sources);
  if (source === undefined)
    throw new WalletError('wrongPassphrase', 'This wallet has no passphrase: open it with one of its passkeys.');
  return (await deriveKey(unlock, source)).key;
}

/**
 * Returns whether it is a passkey. `name`: the argument's.
 * @throws {WalletError} `invalidInput` when it is neither that nor a passphrase
 */
export function byPasskey(unlock: Unlock, name = 'unlock'): unlock is { passkey: true } {
  if (typeof unlock === 'string') {
    checkPassphrase(unlock, name);
    return false;
  }
  if (!isObject(unlock) || named(name, unlock, { passkey: true }).passkey !== true)
    throw new WalletError('invalidInput', `\`${name}\` is the passphrase, or { passkey: true }.`);
  return true;
}

/**
 * Checks that there is a passphrase. `name`: the argument's.
 * @throws {WalletError} `invalidInput`
 */
export function checkPassphrase(passphrase: unknown, name = 'passphrase'): asserts passphrase is string {
  if (typeof passphrase !== 'string' || passphrase === '')
    throw new WalletError('invalidInput', `The passphrase is empty (\`${name}\`): choose one.`);
}

/** The key of a new wallet, by a passphrase or by a passkey of this name. */
export async function newKey(wallet: string, unlock: string | { name: string }): Promise<DerivedKey> {
  if (typeof unlock === 'string') return deriveKey(unlock, null);
  const { key, source } = await makePasskey(wallet, unlock.name, []);
  return { key, params: source };
}

/** The wallet was not made: the passkey that was made for it opens nothing. */
export function forgetKey(source: KeySource): void {
  for (const { id } of passkeysOf([source])) forgetPasskey(id);
}

/** Sources, and the key that proves that the user may change them. */
async function proven(link: Link, unlock: Unlock): Promise<{ sources: KeySource[]; proof: Key }> {
  const sources = (await sourcesOf(link)) ?? [];
  return { sources, proof: await keyFor(unlock, sources) };
}

/** Gives a wallet another passphrase, or its first. */
export async function changePassphrase(link: Link, from: Unlock, to: string): Promise<void> {
  const { proof } = await proven(link, from);
  const { key, params } = await deriveKey(to, null);
  await link.call({ method: 'putKey', proof, source: params, key });
}

/** Takes the passphrase from a wallet that passkeys open. */
export async function removePassphrase(link: Link, unlock: Unlock): Promise<void> {
  const { sources, proof } = await proven(link, unlock);
  const source = passphraseSource(sources);
  if (source === undefined) throw new WalletError('invalidInput', 'This wallet has no passphrase: nothing to remove.');
  await link.call({ method: 'removeKey', proof, source });
}

/** Lets one more passkey open a wallet. */
export async function addPasskey(link: Link, wallet: string, name: string, unlock: Unlock): Promise<Passkey> {
  const { sources, proof } = await proven(link, unlock);
  const { key, source } = await makePasskey(wallet, name, sources);
  try {
    await link.call({ method: 'putKey', proof, source, key });
  } catch (error) {
    forgetKey(source);
    throw error;
  }
  return passkeysOf([source])[0]!;
}

/** Lets a passkey open a wallet no more. */
export async function removePasskey(link: Link, id: string, unlock: Unlock): Promise<void> {
  const { sources, proof } = await proven(link, unlock);
  const source = passkeySource(sources, id);
  if (source === undefined) throw new WalletError('invalidInput', 'No such passkey opens this wallet (any more).');
  await link.call({ method: 'removeKey', proof, source });
  forgetPasskey(id);
}
