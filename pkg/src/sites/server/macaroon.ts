/** Macaroons (Birgisson and others, 2014) in libmacaroons' binary format 2, minted and checked as L402 has them. */

import { fromHex, toHex } from '../proof.ts';
import { base64, bytesOf, fromBase64, hmac, joined, same } from './hmac.ts';

/** Field types of the format. */
const [END, IDENTIFIER, SIGNATURE] = [0, 2, 6];
/** Of L402's identifiers, in bytes: version 0 (two), payment hash, a random id. */
const IDENTIFIER_LENGTH = 2 + 32 + 32;

/**
 * A macaroon for a payment, in base64.
 * @param secret known to this server only
 * @param paymentHash in hex
 * @param caveats each `name=value`
 */
export async function mint(
  secret: string | Uint8Array,
  paymentHash: string,
  caveats: readonly string[],
): Promise<string> {
  const identifier = joined([new Uint8Array(2), fromHex(paymentHash), crypto.getRandomValues(new Uint8Array(32))]);
  const texts = caveats.map(bytesOf);
  const end = Uint8Array.of(END);
  return base64(
    joined([
      Uint8Array.of(2),
      ...field(IDENTIFIER, identifier),
      end,
      ...texts.flatMap((text) => [...field(IDENTIFIER, text), end]),
      end,
      ...field(SIGNATURE, await sign(secret, identifier, texts)),
    ]),
  );
}

/** Reads a macaroon of this server; `null`: it is none, or was changed. Its holder may have added caveats. */
export async function verify(
  secret: string | Uint8Array,
  token: string,
): Promise<{ paymentHash: string; caveats: string[] } | null> {
  const read = parse(fromBase64(token) ?? new Uint8Array());
  if (read === null || read.identifier.length !== IDENTIFIER_LENGTH || read.identifier[0] || read.identifier[1])
    return null;
  if (!same(await sign(secret, read.identifier, read.caveats), read.signature)) return null;
  const decoder = new TextDecoder();
  return {
    paymentHash: toHex(read.identifier.subarray(2, 34)),
    caveats: read.caveats.map((text) => decoder.decode(text)),
  };
}

/** The signature over identifier and caveats. */
async function sign(
  secret: string | Uint8Array,
  identifier: Uint8Array,
  caveats: readonly Uint8Array[],
): Promise<Uint8Array> {
  // The root key is of this identifier only, so it need not be stored.
  let key = await hmac(await hmac('macaroons-key-generator', await hmac(secret, identifier)), identifier);
  for (const caveat of caveats) key = await hmac(key, caveat);
  return key;
}

const field = (type: number, data: Uint8Array): Uint8Array[] => [Uint8Array.of(type, ...varint(data.length)), data];

const varint = (value: number): number[] => (value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)]);

interface Parsed {
  readonly identifier: Uint8Array;
  readonly caveats: readonly Uint8Array[];
  readonly signature: Uint8Array;
}

/** Reads what {@link mint} writes, with caveats of holders; nothing else of the format. */
function parse(bytes: Uint8Array): Parsed | null {
  if (bytes[0] !== 2) return null;
  let at = 1;
  /** The next field, if it is of this type. */
  const take = (type: number): Uint8Array | null => {
    if (bytes[at] !== type) return null;
    let [length, shift] = [0, 0];
    for (at += 1; shift < 21 && bytes[at]! >= 0x80; shift += 7) length |= (bytes[at++]! & 0x7f) << shift;
    length |= (bytes[at++] ?? 0) << shift;
    at += length;
    return at <= bytes.length ? bytes.subarray(at - length, at) : null;
  };
  const end = (): boolean => bytes[at++] === END;
  const identifier = take(IDENTIFIER);
  if (identifier === null || !end()) return null;
  const caveats: Uint8Array[] = [];
  for (let caveat = take(IDENTIFIER); caveat !== null; caveat = take(IDENTIFIER)) {
    if (!end()) return null;
    caveats.push(caveat);
  }
  if (!end()) return null;
  const signature = take(SIGNATURE);
  return signature !== null && at === bytes.length ? { identifier, caveats, signature } : null;
}
