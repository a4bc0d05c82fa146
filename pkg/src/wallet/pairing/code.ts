// The code that the old device shows: a secret, its public key, and where the mailbox is. It stands in the fragment of a link, which
// browsers do not send.

import { base64urlnopad } from '@scure/base';
import { WalletError } from '../../base/error.ts';
import { joined, PUBLIC_BYTES, SECRET_BYTES, type Bytes } from './seal.ts';

/** Contents of a code. */
export interface Code {
  secret: Bytes;
  /** Public key of the device that shows it. */
  publicKey: Bytes;
  /** Origin of the gateway whose mailbox is used. */
  mailbox: string;
}

/** Beginning of a code: it names the version. */
const PREFIX = 'pair1';

/** Writes a code. */
export function writeCode({ secret, publicKey, mailbox }: Code): string {
  return PREFIX + base64urlnopad.encode(joined(secret, publicKey, new TextEncoder().encode(mailbox)));
}

/**
 * Reads a code, or a link with one in it.
 * @throws {WalletError} `invalidInput`
 */
export function readCode(text: string): Code {
  const found = new RegExp(`${PREFIX}([A-Za-z0-9_-]+)\\s*$`).exec(text)?.[1];
  const bytes = found === undefined ? null : decoded(found);
  const mailbox = bytes === null ? '' : new TextDecoder().decode(bytes.subarray(SECRET_BYTES + PUBLIC_BYTES));
  if (bytes === null || !isOrigin(mailbox))
    throw new WalletError(
      'invalidInput',
      'This is no code of a wallet: scan or copy the whole code on the other device.',
    );
  return {
    secret: bytes.slice(0, SECRET_BYTES),
    publicKey: bytes.slice(SECRET_BYTES, SECRET_BYTES + PUBLIC_BYTES),
    mailbox,
  };
}

/**
 * The origin of the URL of a gateway.
 * @throws {WalletError} `invalidInput`
 */
export function mailboxOrigin(url: string): string {
  const origin = URL.canParse(url) ? new URL(url).origin : '';
  if (!isOrigin(origin)) throw new WalletError('invalidInput', '`mailbox` is the http(s) URL of a gateway.');
  return origin;
}

function isOrigin(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { origin, protocol } = new URL(text);
  return origin === text && (protocol === 'https:' || protocol === 'http:');
}

function decoded(base64: string): Bytes | null {
  try {
    return Uint8Array.from(base64urlnopad.decode(base64));
  } catch {
    return null;
  }
}
