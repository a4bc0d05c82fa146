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
 * A whole number of sat as sites write it, a number or a text ("1000", "1000.0"); in millisatoshi.
 * @throws {ProviderError} `InvalidDataError`
 */
function wholeSat(value: Json | undefined, name: string): bigint {
  const written = typeof value === 'number' ? (Number.isSafeInteger(value) ? String(value) : '') : value;
  const [, digits] = typeof written === 'string' ? (/^([0-9]{1,16})(?:\.0*)?$/.exec(written.trim()) ?? []) : [];
  if (digits === undefined) throw invalid(`\`${name}\` is a whole number of sat, such as 1000.`);
  const amount = BigInt(digits);
  if (amount > MAX_SAT) throw invalid(`\`${name}\` is at most ${MAX_SAT} sat.`);
  return amount * 1000n;
}

/**
 * An amount in sat, at least 1; in millisatoshi.
 * @throws {ProviderError} `InvalidDataError`
 */
export function sat(value: Json | undefined, name: string): bigint {
  const amount = wholeSat(value, name);
  if (amount === 0n) throw invalid(`\`${name}\` is at least 1 sat.`);
  return amount;
}

/** An amount in sat, in millisatoshi; `null`: none, which sites write as 0, too. */
export function optionalSat(value: Json | undefined, name: string): bigint | null {
  if (value === undefined || value === null || value === '') return null;
  return wholeSat(value, name) || null;
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
 * A BOLT 11 invoice, without what sites put around it: `lightning:` or `lightning://`, white space, invisible characters. Whether
 * it is one is for the wallet to say.
 * @throws {ProviderError} `InvalidDataError`
 */
export function invoice(value: Json | undefined): string {
  const bare = text(value, 'paymentRequest', 8_192)
    .replace(/[\s\p{Cf}]/gu, '')
    .replace(/^(?:lightning:(?:\/\/)?)+/i, '');
  if (!/^ln[0-9a-z]+$/i.test(bare)) throw invalid('`paymentRequest` is a BOLT 11 invoice, such as "lnbc1…".');
  return bare;
}

/** Maximum size of a record's value, in bytes: an onion has room for 1300 with all that it needs itself. */
const MAX_RECORD = 1_024;

/**
 * Custom TLV records of a keysend: type numbers of 65536 and above (BOLT 1); texts, and numbers as their text; the values in hex.
 * @throws {ProviderError} `InvalidDataError`, which names the record
 */
export function records(value: Json | undefined): { type: bigint; value: string }[] {
  if (value === undefined || value === null) return [];
  const all = Object.entries(members(value));
  if (all.length > 32) throw invalid('`customRecords` holds at most 32 records.');
  return all.map(([name, content]) => {
    const wrong = (what: string) => invalid(`\`customRecords\`: the record "${name.slice(0, 32)}" ${what}`);
    if (!/^[1-9][0-9]{4,18}$/.test(name) || BigInt(name) < 65_536n || BigInt(name) >= 1n << 63n)
      throw wrong('has a name that is no number from 65536 to 2^63 - 1.');
    if (BigInt(name) === KEYSEND_PREIMAGE) throw wrong('is the one of keysend itself, which the wallet fills.');
    if (typeof content !== 'string' && typeof content !== 'number')
      throw wrong('is neither a text nor a number: send an object as JSON.stringify writes it.');
    const bytes = new TextEncoder().encode(String(content));
    if (bytes.length > MAX_RECORD) throw wrong(`has ${bytes.length} bytes, and ${MAX_RECORD} are allowed.`);
    return { type: BigInt(name), value: toHex(bytes) };
  });
}
