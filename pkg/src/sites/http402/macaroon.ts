/** As much of macaroons as L402 needs (libmacaroons' binary format 2): which payment one of them is good for. */

import { toHex } from '../proof.ts';

/** Field types of the format. */
const END = 0;
const IDENTIFIER = 2;
/** Of L402's identifiers: version 0 (two bytes), payment hash, a random id. */
const IDENTIFIER_BYTES = 66;

/**
 * The payment hash (hex) that the macaroon of an L402 challenge commits to; `null` when it cannot be said: the token may be anything,
 * and only its server reads it.
 */
export function committedHash(token: string): string | null {
  const identifier = identifierOf(bytesOf(token));
  if (identifier === null) return null;
  // In hex, as lsat-js writes it.
  const text = new TextDecoder().decode(identifier);
  const hex = /^[0-9a-f]{132}$/.test(text) ? text : identifier.length === IDENTIFIER_BYTES ? toHex(identifier) : '';
  return hex.startsWith('0000') ? hex.slice(4, 68) : null;
}

function bytesOf(token: string): Uint8Array {
  try {
    return Uint8Array.from(atob(token.replace(/-/g, '+').replace(/_/g, '/')), (char) => char.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}

/** The identifier is among the first fields: each a type, a length (varint) and so many bytes. */
function identifierOf(bytes: Uint8Array): Uint8Array | null {
  if (bytes[0] !== 2) return null;
  for (let at = 1; at < bytes.length;) {
    const type = bytes[at++];
    if (type === END) return null;
    let length = 0;
    for (let shift = 0, more = true; more && shift < 21; shift += 7) {
      const byte = bytes[at++] ?? 0;
      length |= (byte & 0x7f) << shift;
      more = byte >= 0x80;
    }
    if (at + length > bytes.length) return null;
    if (type === IDENTIFIER) return bytes.subarray(at, at + length);
    at += length;
  }
  return null;
}
