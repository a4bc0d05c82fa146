// The cryptography of pairing and of links to budgets: P-256 ECDH, HKDF-SHA-256 and AES-256-GCM, as every browser has them.
//
// The code that the old device shows carries a secret and its public key, so the new device knows the old one's key from what it has
// seen. The other way the secret alone vouches: somebody who photographed the code could answer in the new device's place. What
// they answer with is another key, and the number, which both devices derive from what only the two can compute, is then another.

import { hex } from '@scure/base';
import { WalletError } from '../../base/error.ts';

/** Bytes of the secret in a code. */
export const SECRET_BYTES = 16;
/** Bytes of a public key: an uncompressed point of P-256 (SEC 1, 2.3.3). */
export const PUBLIC_BYTES = 65;
/** Begins what is derived in a pairing: it names the version. */
const PAIRING = 'amplet pairing 1';
/** Bytes of AES-GCM's nonce. */
const NONCE_BYTES = 12;

/** Bytes that the Web Crypto API takes, written so that TypeScript before 5.7, which knows no kinds of bytes, reads it. */
export type Bytes = ReturnType<InstanceType<typeof TextEncoder>['encode']>;

/** A key of the Web Crypto API, by a name that types with the browser's and types with Node.js's alone both know. */
export type SubtleKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

/** What two devices derive from one secret: the name of a letter, and its key. */
export interface LetterKeys {
  /** Name in the mailbox: 32 hex digits. */
  id: string;
  /** Key that seals the letter. */
  key: SubtleKey;
}

/** A key pair: a device's, for one pairing, or what else two parties agree by. */
export interface DeviceKeys {
  privateKey: SubtleKey;
  publicKey: Bytes;
}

/** A fresh key pair; `extractable`: the private key can be stored. */
export async function deviceKeys(extractable = false): Promise<DeviceKeys> {
  const pair = await crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, extractable, ['deriveBits']);
  return {
    privateKey: pair.privateKey,
    publicKey: new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey)),
  };
}

/** The letter from the new device to the old one, sealed by the code's secret alone. */
export const helloKeys = (secret: Bytes): Promise<LetterKeys> =>
  letterKeys(secret, new Uint8Array(), `${PAIRING} hello`);

/** What both devices have once each knows the other's key. */
export interface Shared {
  /** The letter from the old device to the new one. */
  gift: LetterKeys;
  /** Six digits that the user compares. */
  number: string;
}

/**
 * Derives it. `olds`, `news`: the public keys of the old and of the new device, one of which is `mine`'s.
 * @throws {WalletError} `invalidInput`: the other's key is none
 */
export async function shared(secret: Bytes, mine: DeviceKeys, olds: Bytes, news: Bytes): Promise<Shared> {
  const theirs = same(mine.publicKey, olds) ? news : olds;
  const common = await agreed(mine.privateKey, theirs);
  const input = joined(common, secret);
  const both = joined(olds, news);
  const gift = await letterKeys(input, both, `${PAIRING} gift`);
  const [high = 0, middle = 0, low = 0, last = 0] = await derived(input, both, `${PAIRING} number`, 4);
  // The remainder of 32 bits: no digit is likelier than another by more than a part in four thousand.
  const number = (high * 2 ** 24 + middle * 2 ** 16 + low * 2 ** 8 + last) % 1_000_000;
  return { gift, number: String(number).padStart(6, '0') };
}

/**
 * What two parties compute alike, each of their own private key and the other's public one: 32 bytes.
 * @throws {WalletError} `invalidInput`: the other's key is none
 */
export async function agreed(privateKey: SubtleKey, theirs: Bytes): Promise<Bytes> {
  try {
    const key = await crypto.subtle.importKey('raw', theirs, { name: 'ECDH', namedCurve: 'P-256' }, false, []);
    return new Uint8Array(await crypto.subtle.deriveBits({ name: 'ECDH', public: key }, privateKey, 256));
  } catch {
    throw new WalletError('invalidInput', 'This code is damaged: show a new one on the other device.');
  }
}

/** Seals a text for one letter. */
export async function seal({ key, id }: LetterKeys, text: string): Promise<Bytes> {
  const iv = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv, additionalData: bytesOf(id) }, key, bytesOf(text));
  return joined(iv, new Uint8Array(sealed));
}

/** The error of a letter that makes no sense. */
export const damaged = (): WalletError =>
  new WalletError('corrupt', 'What came from the other device cannot be read: show a new code there.');

/**
 * Opens a letter.
 * @throws {WalletError} `corrupt`: it was not sealed by who has the code
 */
export async function unseal({ key, id }: LetterKeys, letter: Bytes): Promise<string> {
  try {
    const iv = letter.subarray(0, NONCE_BYTES);
    const opened = await crypto.subtle.decrypt(
      { name: 'AES-GCM', iv, additionalData: bytesOf(id) },
      key,
      letter.subarray(NONCE_BYTES),
    );
    return new TextDecoder().decode(opened);
  } catch {
    throw damaged();
  }
}

/** Derives name and key of a letter; `purpose` tells apart what is derived of the same secret. */
export async function letterKeys(input: Bytes, salt: Bytes, purpose: string): Promise<LetterKeys> {
  const id = await derived(input, salt, `${purpose} id`, 16);
  const key = await derived(input, salt, `${purpose} key`, 32);
  return {
    id: hex.encode(id),
    key: await crypto.subtle.importKey('raw', key, 'AES-GCM', false, ['encrypt', 'decrypt']),
  };
}

/** Derives `length` bytes for this purpose (HKDF-SHA-256). */
export async function derived(input: Bytes, salt: Bytes, purpose: string, length: number): Promise<Bytes> {
  const key = await crypto.subtle.importKey('raw', input, 'HKDF', false, ['deriveBits']);
  const info = bytesOf(purpose);
  return new Uint8Array(await crypto.subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt, info }, key, length * 8));
}

const bytesOf = (text: string): Bytes => new TextEncoder().encode(text);

const same = (one: Bytes, other: Bytes): boolean =>
  one.length === other.length && one.every((byte, at) => byte === other[at]);

/** Bytes one after the other. */
export function joined(...parts: readonly Bytes[]): Bytes {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
