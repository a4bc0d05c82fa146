/** As much of an invoice (BOLT 11) as is read without the engine, which checks it; everything else of it the engine reads. */

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

/** The tagged fields, in 5-bit words. */
function* fields(words: readonly number[]): Generator<{ tag: number; field: number[] }> {
  const end = words.length - SIGNATURE_WORDS;
  for (let at = TIME_WORDS; at + 3 <= end;) {
    const length = words[at + 1]! * 32 + words[at + 2]!;
    yield { tag: words[at]!, field: words.slice(at + 3, at + 3 + length) };
    at += 3 + length;
  }
}

/** The hash with this tag, in hex; `null` when the text has none. Its checksum is the engine's to check. */
function taggedHash(invoice: string, tag: keyof typeof TAGS): string | null {
  for (const { tag: found, field } of fields(bech32.decodeUnsafe(invoice, false)?.words ?? [])) {
    if (found !== TAGS[tag] || field.length !== HASH_WORDS) continue;
    const bytes = bech32.fromWordsUnsafe(field);
    // A hash whose last bits are no padding is the hash of nothing.
    return bytes ? hex.encode(bytes) : '';
  }
  return null;
}

/** Returns whether an invoice is paid by AMP: its payment hash then is that of no payment. */
function isAmp(invoice: string): boolean {
  for (const { tag, field } of fields(bech32.decodeUnsafe(invoice, false)?.words ?? [])) {
    // 5 bits a word, the last one lowest.
    if (tag === FEATURES) return ((field.at(-1 - Math.floor(AMP / 5)) ?? 0) >> (AMP % 5)) % 2 === 1;
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

/** BOLT 11: `x`, seconds until it expires, an hour if it does not say. */
const EXPIRY_TAG = 6;
const DEFAULT_EXPIRY_SECS = 3600;
/** Networks by their prefix, and millisatoshi of a bitcoin by the amount's letter: `p` are tenths of a millisatoshi. */
const NETWORKS: Record<string, string> = { bc: 'mainnet', tb: 'testnet4', tbs: 'signet', bcrt: 'regtest' };
const UNITS: Record<string, bigint> = { '': 100_000_000_000n, m: 100_000_000n, u: 100_000n, n: 100n };

/**
 * What an invoice asks for: `amountMsat` in msat (`null`: the payer chooses), `paymentHash` in hex, `network`, and until when in ms since
 * the UNIX epoch (`expiresMs`). `null`: this is no invoice. Its signature is the paying wallet's to check.
 */
export function invoiceFacts(
  invoice: string,
): { amountMsat: bigint | null; paymentHash: string; network: string; expiresMs: number } | null {
  const decoded = bech32.decodeUnsafe(invoice, false);
  const [, prefix = '', amount, unit = ''] =
    /^ln(bcrt|tbs|bc|tb)(?:([1-9][0-9]{0,17})([munp]?))?$/.exec(decoded?.prefix ?? '') ?? [];
  const hash = taggedHash(invoice, 'p');
  if (!decoded || !hash || NETWORKS[prefix] === undefined) return null;
  if (amount !== undefined && unit === 'p' && !amount.endsWith('0')) return null;
  const amountMsat = amount === undefined ? null : unit === 'p' ? BigInt(amount) / 10n : BigInt(amount) * UNITS[unit]!;
  const number = (words: readonly number[]): number => words.reduce((sum, word) => sum * 32 + word, 0);
  const expiry = [...fields(decoded.words)].find(({ tag }) => tag === EXPIRY_TAG)?.field;
  const seconds = number(decoded.words.slice(0, TIME_WORDS)) + (expiry ? number(expiry) : DEFAULT_EXPIRY_SECS);
  return { amountMsat, paymentHash: hash, network: NETWORKS[prefix], expiresMs: seconds * 1000 };
}
