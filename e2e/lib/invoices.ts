/** Invoices (BOLT 11) of nobody, for tests without a network: well formed, and signed by a key of the moment. */

import { randomBytes } from 'node:crypto';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { bech32 } from '@scure/base';

/** BOLT 11: fields `p` (payment hash), `s` (payment secret), `d` (description) and `9` (features). */
const [HASH, SECRET, DESCRIPTION, FEATURES] = [1, 16, 13, 5];
/** BOLT 9: `var_onion_optin` and `payment_secret`, as bits 8 and 14. */
const FEATURE_WORDS = [16, 8, 0];

/** A regtest invoice over so much. */
export function nobodysInvoice(amountMsat: bigint, description: string): string {
  const seconds = Math.floor(Date.now() / 1000);
  const timestamp = Array.from({ length: 7 }, (_, at) => Math.floor(seconds / 32 ** (6 - at)) % 32);
  const field = (type: number, words: number[]) => [type, Math.floor(words.length / 32), words.length % 32, ...words];
  const data = [
    ...timestamp,
    ...field(HASH, bech32.toWords(randomBytes(32))),
    ...field(SECRET, bech32.toWords(randomBytes(32))),
    ...field(DESCRIPTION, bech32.toWords(Buffer.from(description))),
    ...field(FEATURES, FEATURE_WORDS),
  ];
  // A millisatoshi is ten of the smallest unit that BOLT 11 has.
  return signed(`lnbcrt${amountMsat * 10n}p`, data);
}

/** Signs what an invoice says: its `human` part, and timestamp and fields in words of 5 bits. */
export function signed(human: string, data: number[]): string {
  const bits = [...Buffer.from(human)].concat(toBytes(data));
  const key = secp256k1.utils.randomSecretKey();
  const made = secp256k1.sign(sha256(Uint8Array.from(bits)), key, { format: 'recovered', prehash: false });
  // The library puts the recovery id first, BOLT 11 last.
  const signature = Uint8Array.from([...made.slice(1), made[0] ?? 0]);
  return bech32.encode(human, [...data, ...bech32.toWords(signature)], false);
}

/** Words of 5 bits as bytes, padded with zero bits at the end. */
function toBytes(words: number[]): number[] {
  const bytes: number[] = [];
  let value = 0;
  let bits = 0;
  for (const word of words) {
    value = ((value << 5) | word) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((value >> bits) & 0xff);
    }
  }
  if (bits > 0) bytes.push((value << (8 - bits)) & 0xff);
  return bytes;
}
