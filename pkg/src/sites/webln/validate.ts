/** Parsers of what a page sends, read with suspicion. */

import { invalid } from '../errors.ts';
import { toHex } from '../proof.ts';
import type { Json } from '../wire.ts';

/** All the money that there is, in sat. */
const MAX_SAT = 2_100_000_000_000_000n;

/** The record in which a keysend carries its preimage (BLIP 3). */
const KEYSEND_PREIMAGE = 5_482_373_484n;

/** Maximum length of a call, in characters of JSON. */
export const MAX_CALL = 65_536;
/** Maximum depth of what a call holds: {@link MAX_CALL} brackets would be as long a stack. */
const MAX_DEPTH = 32;

/** Returns whether a value is at most so many characters of JSON, by counting: what is too large is not written to find out. */
export function isShort(value: unknown, most = MAX_CALL): boolean {
  return lengthLeft(value, most, 0) >= 0;
}

/** Returns what `value` leaves of `left` characters; negative: it is longer, or deeper than a call may be. Escapes count once. */
function lengthLeft(value: unknown, left: number, depth: number): number {
  if (typeof value === 'string') return left - value.length - 2;
  if (typeof value !== 'object' || value === null) return left - 4;
  if (depth === MAX_DEPTH) return -1;
  let rest = left - 2;
  for (const name in value) {
    if (rest < 0) return rest;
    rest = lengthLeft((value as Record<string, unknown>)[name], rest - name.length - 4, depth + 1);
  }
  return rest;
}

/**
 * Members of an object.
 * @throws {ProviderError} `InvalidDataError`
 */
export function members(value: Json | undefined): Readonly<Record<string, Json | undefined>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid('The arguments are an object.');
  return value as Readonly<Record<string, Json>>;
}

/**
 * A text of 1 to `most` characters.
 * @throws {ProviderError} `InvalidDataError`
 */
export function text(value: Json | undefined, name: string, most: number): string {
  if (typeof value !== 'string' || value === '' || value.length > most)
    throw invalid(`\`${name}\` is a text of 1 to ${most} characters.`);
  return value;
}

/** A text of at most `most` characters, or none: empty. */
export function optionalText(value: Json | undefined, name: string, most: number): string {
  return value === undefined || value === null || value === '' ? '' : text(value, name, most);
}

/**
 * An amount in sat, at least 1, as a number or decimal digits; in millisatoshi.
 * @throws {ProviderError} `InvalidDataError`
 */
export function sat(value: Json | undefined, name: string): bigint {
  const digits = typeof value === 'number' ? (Number.isSafeInteger(value) ? String(value) : '') : value;
  if (typeof digits !== 'string' || !/^[0-9]{1,16}$/.test(digits))
    throw invalid(`\`${name}\` is a whole number of sat.`);
  const amount = BigInt(digits);
  if (amount < 1n || amount > MAX_SAT) throw invalid(`\`${name}\` is 1 to ${MAX_SAT} sat.`);
  return amount * 1000n;
}

/** An amount in sat, or none: `null`. */
export function optionalSat(value: Json | undefined, name: string): bigint | null {
  return value === undefined || value === null || value === '' ? null : sat(value, name);
}

/**
 * An amount in millisatoshi, as decimal digits or a number; 0 when left out.
 * @throws {ProviderError} `InvalidDataError`
 */
export function msat(value: Json | undefined, name: string): bigint {
  if (value === undefined || value === null) return 0n;
  const digits = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  if (typeof digits !== 'string' || !/^[0-9]{1,18}$/.test(digits)) {
    throw invalid(`\`${name}\` is a whole number of millisatoshi, such as "1500".`);
  }
  return BigInt(digits);
}

/**
 * The id of a node (BOLT 7), in lower case.
 * @throws {ProviderError} `InvalidDataError`
 */
export function nodeId(value: Json | undefined, name: string): string {
  if (typeof value !== 'string' || !/^0[23][0-9a-fA-F]{64}$/.test(value)) {
    throw invalid(`\`${name}\` is a node id: 66 hex digits that begin with 02 or 03.`);
  }
  return value.toLowerCase();
}

/**
 * A payment hash, in lower case.
 * @throws {ProviderError} `InvalidDataError`
 */
export function hash(value: Json | undefined, name: string): string {
  if (typeof value !== 'string' || !/^[0-9a-fA-F]{64}$/.test(value)) throw invalid(`\`${name}\` is 64 hex digits.`);
  return value.toLowerCase();
}

/**
 * A BOLT 11 invoice, without `lightning:`. Whether it is one is for the wallet to say.
 * @throws {ProviderError} `InvalidDataError`
 */
export function invoice(value: Json | undefined): string {
  const trimmed = text(value, 'paymentRequest', 8_192)
    .trim()
    .replace(/^lightning:/i, '');
  if (!/^ln[0-9a-z]+$/i.test(trimmed)) throw invalid('`paymentRequest` is a BOLT 11 invoice, such as "lnbc1…".');
  return trimmed;
}

/**
 * Custom TLV records of a keysend: type numbers of 65536 and above (BOLT 1), texts; the values in hex.
 * @throws {ProviderError} `InvalidDataError`
 */
export function records(value: Json | undefined): { type: bigint; value: string }[] {
  if (value === undefined || value === null) return [];
  const all = Object.entries(members(value));
  if (all.length > 32) throw invalid('`customRecords` holds at most 32 records.');
  return all.map(([name, content]) => {
    if (
      !/^[0-9]{5,19}$/.test(name) ||
      BigInt(name) < 65_536n ||
      BigInt(name) >= 1n << 63n ||
      BigInt(name) === KEYSEND_PREIMAGE
    ) {
      throw invalid('`customRecords` has numbers from 65536 as its names, but not the one of keysend itself.');
    }
    if (typeof content !== 'string') throw invalid('`customRecords` has texts as its values.');
    const bytes = new TextEncoder().encode(content);
    if (bytes.length > 1_024) throw invalid('`customRecords` has values of at most 1024 bytes.');
    return { type: BigInt(name), value: toHex(bytes) };
  });
}
