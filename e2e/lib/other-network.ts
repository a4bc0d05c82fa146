/** Makes of a regtest invoice one of another network, well formed and signed: by a key of the moment. */

import { bech32 } from '@scure/base';
import { signed } from './invoices';

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
  return signed(human, data);
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
