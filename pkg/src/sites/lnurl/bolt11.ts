/** The one field of an invoice (BOLT 11) that LNURL-pay needs; everything else of it the wallet reads. */

import { bech32 } from '@scure/base';
import { toHex } from '../proof.ts';

/** BOLT 11: 35 bits of time before the tagged fields, 520 bits of signature after them. */
const TIME_WORDS = 7;
const SIGNATURE_WORDS = 104;
/** The tag `h`, SHA-256 of the description, and its length in words. */
const TAG_H = 23;
const HASH_WORDS = 52;

/**
 * The hash of the description in an invoice (BOLT 11, tag `h`), in hex; `null` when it has none. The wallet has checked the
 * invoice.
 */
export function descriptionHash(invoice: string): string | null {
  const words = bech32.decodeUnsafe(invoice, false)?.words ?? [];
  const end = words.length - SIGNATURE_WORDS;
  for (let at = TIME_WORDS; at + 3 <= end;) {
    const length = words[at + 1]! * 32 + words[at + 2]!;
    if (words[at] === TAG_H && length === HASH_WORDS) {
      const field = bech32.fromWordsUnsafe(words.slice(at + 3, at + 3 + length));
      // A hash whose last bits are no padding is the hash of nothing.
      return field ? toHex(field) : '';
    }
    at += 3 + length;
  }
  return null;
}
