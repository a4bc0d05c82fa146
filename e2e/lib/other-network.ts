/** Makes of a regtest invoice one of another network, well formed and signed: by a key of the moment. */

import { secp256k1 } from '@noble/curves/secp256k1.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { bech32 } from '@scure/base';

/** BOLT 11: 64 bytes of signature and one of recovery id, in words of 5 bits. */
const SIGNATURE_WORDS = 104;
/** BOLT 11: 35 bits of timestamp come first. */
const TIMESTAMP_WORDS = 7;
/** BOLT 11: field `n`. */
const PAYEE_FIELD = 19;

/** @param prefix `lnbc` for mainnet */
export function toNetwork(invoice: string, prefix: string): string {
  const { prefix: old, words } = bech32.decode(invoice as `${string}1${string}`, false);
  const human = old.replace('lnbcrt', prefix);
  const data = withoutPayee(words.slice(0, -SIGNATURE_WORDS));
  const bits = [...Buffer.from(human)].concat(toBytes(data));
  const key = secp256k1.utils.randomSecretKey();
  const signed = secp256k1.sign(sha256(Uint8Array.from(bits)), key, { format: 'recovered', prehash: false });
  // The library puts the recovery id first, BOLT 11 last.
  const signature = Uint8Array.from([...signed.slice(1), signed[0] ?? 0]);
  return bech32.encode(human, [...data, ...bech32.toWords(signature)], false);
}

/**
 * Drops the field that names the payee's key: another key signs now, and is recovered from the signature.
 * @param words timestamp and tagged fields
 */
function withoutPayee(words: number[]): number[] {
  const kept = words.slice(0, TIMESTAMP_WORDS);
  for (let at = TIMESTAMP_WORDS; at < words.length;) {
    const end = at + 3 + (words[at + 1] ?? 0) * 32 + (words[at + 2] ?? 0);
    if (words[at] !== PAYEE_FIELD) kept.push(...words.slice(at, end));
    at = end;
  }
  return kept;
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
