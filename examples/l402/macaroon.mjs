/**
 * Macaroons (Birgisson and others, 2014) in libmacaroons' binary format 2, minted and checked as L402 has them. By hand: the
 * package `macaroon` brings two libraries of cryptography that Node.js has no need of, and no types.
 */

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** Field types of the format. */
const [END, LOCATION, IDENTIFIER, VERIFIER, SIGNATURE] = [0, 1, 2, 4, 6];

/** Of the identifier: version 0 (two bytes), payment hash, a random user id. */
const IDENTIFIER_LENGTH = 2 + 32 + 32;

/** @param {string | Buffer} key @param {string | Buffer} data */
const hmac = (key, data) => createHmac('sha256', key).update(data).digest();

/** @param {number} type @param {Buffer} data */
const field = (type, data) => Buffer.concat([Buffer.from([type, ...varint(data.length)]), data]);

/** @param {number} number */
function varint(number) {
  const bytes = [];
  for (; number >= 0x80; number >>>= 7) bytes.push((number & 0x7f) | 0x80);
  return [...bytes, number];
}

/** The signature over identifier and caveats. @param {Buffer} secret @param {Buffer} identifier @param {Buffer[]} caveats */
function sign(secret, identifier, caveats) {
  // The root key is of this identifier only, so it need not be stored.
  const root = hmac('macaroons-key-generator', hmac(secret, identifier));
  return caveats.reduce((key, caveat) => hmac(key, caveat), hmac(root, identifier));
}

/**
 * @param {Buffer} secret 32 bytes that only this server knows.
 * @param {string} paymentHash In hex.
 * @param {string[]} caveats `name=value`
 * @returns {string} Base64.
 */
export function mint(secret, paymentHash, caveats) {
  const identifier = Buffer.concat([Buffer.alloc(2), Buffer.from(paymentHash, 'hex'), randomBytes(32)]);
  const texts = caveats.map((caveat) => Buffer.from(caveat, 'utf8'));
  const end = Buffer.from([END]);
  const parts = [Buffer.from([2]), field(IDENTIFIER, identifier), end];
  for (const text of texts) parts.push(field(IDENTIFIER, text), end);
  parts.push(end, field(SIGNATURE, sign(secret, identifier, texts)));
  return Buffer.concat(parts).toString('base64');
}

/**
 * Reads a macaroon of ours; `null` when it is none of ours, or was changed. A holder may have added caveats.
 *
 * @param {Buffer} secret
 * @param {string} base64
 * @returns {{ paymentHash: string, caveats: string[] } | null}
 */
export function verify(secret, base64) {
  const read = parse(Buffer.from(base64, 'base64'));
  if (!read || read.identifier.length !== IDENTIFIER_LENGTH || read.identifier.readUInt16BE(0) !== 0) return null;
  const right = sign(secret, read.identifier, read.caveats);
  if (read.signature.length !== right.length || !timingSafeEqual(read.signature, right)) return null;
  const paymentHash = read.identifier.subarray(2, 34).toString('hex');
  return { paymentHash, caveats: read.caveats.map((caveat) => caveat.toString('utf8')) };
}

/** @param {Buffer} bytes */
function parse(bytes) {
  let at = 0;
  const number = () => {
    for (let value = 0, shift = 0; shift < 28 && at < bytes.length; shift += 7) {
      const byte = bytes[at++] ?? 0;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return null;
  };
  /** The fields of a section, up to its end; `null` when it is cut off. */
  const section = () => {
    /** @type {Map<number, Buffer>} */
    const fields = new Map();
    while (at < bytes.length) {
      const type = bytes[at++];
      if (type === END) return fields;
      const length = number();
      if (type === undefined || length === null || at + length > bytes.length) return null;
      fields.set(type, bytes.subarray(at, (at += length)));
    }
    return null;
  };
  if (bytes[at++] !== 2) return null;
  const identifier = section()?.get(IDENTIFIER);
  const caveats = [];
  for (;;) {
    const fields = section();
    if (!fields || !identifier) return null;
    if (fields.size === 0) break;
    const caveat = fields.get(IDENTIFIER);
    // Third parties' caveats need their discharge, which L402 has not.
    if (!caveat || fields.has(VERIFIER) || fields.has(LOCATION)) return null;
    caveats.push(caveat);
  }
  if (bytes[at++] !== SIGNATURE) return null;
  const length = number();
  if (length === null || at + length !== bytes.length) return null;
  return { identifier, caveats, signature: bytes.subarray(at) };
}
