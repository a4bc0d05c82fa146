/** Hashes in an invoice (BOLT 11), read without the engine; everything else of it the engine reads. */

import { bech32, hex } from '@scure/base';

/** BOLT 11: 35 bits of time before the tagged fields, 520 bits of signature after them. */
const TIME_WORDS = 7;
const SIGNATURE_WORDS = 104;
/** The tags of the payment hash and of the hash of the description; both are 52 words long. */
const TAGS = { p: 1, h: 23 } as const;
const HASH_WORDS = 52;

/** The hash with this tag, in hex; `null` when the text has none. Its checksum is the engine's to check. */
function taggedHash(invoice: string, tag: keyof typeof TAGS): string | null {
  const words = bech32.decodeUnsafe(invoice, false)?.words ?? [];
  const end = words.length - SIGNATURE_WORDS;
  for (let at = TIME_WORDS; at + 3 <= end;) {
    const length = words[at + 1]! * 32 + words[at + 2]!;
    if (words[at] === TAGS[tag] && length === HASH_WORDS) {
      const field = bech32.fromWordsUnsafe(words.slice(at + 3, at + 3 + length));
      // A hash whose last bits are no padding is the hash of nothing.
      return field ? hex.encode(field) : '';
    }
    at += 3 + length;
  }
  return null;
}

/** Characters without a glyph, which messengers and web pages put around what is copied. */
const INVISIBLE = /[\p{Cf}\u034f\ufe00-\ufe0f]/gu;

/**
 * The payment hash of the invoice in a text, in hex; `null` when there is none whose checksum is right. The text may hold it
 * as the engine reads it: after `lightning:` or `lightning://`, in a `bitcoin:` link, in a sentence, broken into lines.
 */
export function paymentHash(text: string): string | null {
  const visible = text.replace(INVISIBLE, '');
  for (const piece of [...visible.split(/\s+/), visible.replace(/\s+/g, '')]) {
    for (const [invoice] of piece.matchAll(/(?<![a-z0-9])ln(?:bc|tb|sb)[a-z0-9]+/gi)) {
      const hash = taggedHash(invoice, 'p');
      if (hash) return hash;
    }
  }
  return null;
}

/**
 * The hash of the description in an invoice (tag `h`), in hex; `null` when it has none. The wallet has checked the invoice.
 */
export const descriptionHash = (invoice: string): string | null => taggedHash(invoice, 'h');
