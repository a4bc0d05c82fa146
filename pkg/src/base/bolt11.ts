/** Hashes in an invoice (BOLT 11), read without the engine; everything else of it the engine reads. */

import { bech32, hex } from '@scure/base';

/** BOLT 11: 35 bits of time before the tagged fields, 520 bits of signature after them. */
const TIME_WORDS = 7;
const SIGNATURE_WORDS = 104;
/** The tags of the payment hash and of the hash of the description; both are 52 words long. */
const TAGS = { p: 1, h: 23 } as const;
/** The tag of the features, and the bit of a required AMP among them (BOLT 9). */
const FEATURES = 5;
const AMP = 30;
const HASH_WORDS = 52;

/** Tagged fields of an invoice: tag and words of each. Its checksum is the engine's to check. */
function* fields(invoice: string): Generator<[tag: number, words: number[]]> {
  const words = bech32.decodeUnsafe(invoice, false)?.words ?? [];
  const end = words.length - SIGNATURE_WORDS;
  for (let at = TIME_WORDS; at + 3 <= end;) {
    const length = words[at + 1]! * 32 + words[at + 2]!;
    yield [words[at]!, words.slice(at + 3, at + 3 + length)];
    at += 3 + length;
  }
}

/** The hash with this tag, in hex; `null` when the text has none. */
function taggedHash(invoice: string, tag: keyof typeof TAGS): string | null {
  for (const [found, words] of fields(invoice)) {
    if (found !== TAGS[tag] || words.length !== HASH_WORDS) continue;
    const field = bech32.fromWordsUnsafe(words);
    // A hash whose last bits are no padding is the hash of nothing.
    return field ? hex.encode(field) : '';
  }
  return null;
}

/** Returns whether an invoice is paid by AMP: its payment hash then is that of no payment. */
function isAmp(invoice: string): boolean {
  for (const [tag, words] of fields(invoice)) {
    // 5 bits a word, the last one lowest.
    if (tag === FEATURES) return ((words.at(-1 - Math.floor(AMP / 5)) ?? 0) >> (AMP % 5)) % 2 === 1;
  }
  return false;
}

/** Characters without a glyph, which messengers and web pages put around what is copied. */
const INVISIBLE = /[\p{Cf}\u034f\ufe00-\ufe0f]/gu;

/**
 * The payment hash of the invoice in a text, in hex; `null` when there is none whose checksum is right. The text may hold it
 * as the engine reads it: after `lightning:` or `lightning://`, in a `bitcoin:` link, in a sentence, broken into lines. An invoice
 * that is paid by AMP has none: each of its payments has an id of its own.
 */
export function paymentHash(text: string): string | null {
  const visible = text.replace(INVISIBLE, '');
  for (const piece of [...visible.split(/\s+/), visible.replace(/\s+/g, '')]) {
    for (const [invoice] of piece.matchAll(/(?<![a-z0-9])ln(?:bc|tb|sb)[a-z0-9]+/gi)) {
      const hash = taggedHash(invoice, 'p');
      if (hash && !isAmp(invoice)) return hash;
    }
  }
  return null;
}

/**
 * The hash of the description in an invoice (tag `h`), in hex; `null` when it has none. The wallet has checked the invoice.
 */
export const descriptionHash = (invoice: string): string | null => taggedHash(invoice, 'h');
