/** Bech32 (BIP 173, without its limit of length) as LNURL (LUD-01) and BOLT 11 use it. */

import { toHex } from '../proof.ts';

const ALPHABET = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];
const CHECKSUM_WORDS = 6;
/** BOLT 11: 35 bits of time before the tagged fields, 520 bits of signature after them. */
const TIME_WORDS = 7;
const SIGNATURE_WORDS = 104;
/** The tag `h`, SHA-256 of the description, and its length in words. */
const TAG_H = 23;
const HASH_WORDS = 52;

/** What the text says: its prefix, and 5-bit words without the checksum. `null` when it is no bech32. */
export function decodeBech32(text: string): { readonly prefix: string; readonly words: readonly number[] } | null {
  const lower = text.toLowerCase();
  if (text !== lower && text !== text.toUpperCase()) return null;
  const split = lower.lastIndexOf('1');
  if (split < 1 || lower.length - split - 1 < CHECKSUM_WORDS) return null;
  const prefix = lower.slice(0, split);
  const words = Array.from(lower.slice(split + 1), (char) => ALPHABET.indexOf(char));
  if (words.includes(-1)) return null;
  const codes = Array.from(prefix, (char) => char.charCodeAt(0));
  const expanded = [...codes.map((code) => code >> 5), 0, ...codes.map((code) => code & 31), ...words];
  return polymod(expanded) === 1 ? { prefix, words: words.slice(0, -CHECKSUM_WORDS) } : null;
}

function polymod(values: readonly number[]): number {
  let sum = 1;
  for (const value of values) {
    const top = sum >> 25;
    sum = ((sum & 0x1ffffff) << 5) ^ value;
    GENERATOR.forEach((term, bit) => {
      if ((top >> bit) & 1) sum ^= term;
    });
  }
  return sum;
}

/** Whole bytes of 5-bit words; bits left over are padding. */
export function toBytes(words: readonly number[]): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  let bits = 0;
  let value = 0;
  for (const word of words) {
    value = ((value << 5) | word) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((value >> bits) & 0xff);
    }
  }
  return Uint8Array.from(bytes);
}

/** The hash of the description in an invoice (BOLT 11, tag `h`), in hex; `null` when it has none. The wallet has checked the invoice. */
export function descriptionHash(invoice: string): string | null {
  const words = decodeBech32(invoice)?.words ?? [];
  const end = words.length - SIGNATURE_WORDS;
  for (let at = TIME_WORDS; at + 3 <= end;) {
    const length = words[at + 1]! * 32 + words[at + 2]!;
    const field = words.slice(at + 3, at + 3 + length);
    if (words[at] === TAG_H && length === HASH_WORDS) return toHex(toBytes(field));
    at += 3 + length;
  }
  return null;
}
