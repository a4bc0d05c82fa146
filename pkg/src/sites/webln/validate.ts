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
  const amount = wholeSat(value, name);
  if (amount < 1n || amount > MAX_SAT) throw invalid(`\`${name}\` is 1 to ${MAX_SAT} sat.`);
  return amount * 1000n;
}

/** An amount in sat, or none: `null`. Sites send 0 where the user is to choose, too. */
export function optionalSat(value: Json | undefined, name: string): bigint | null {
  if (value === undefined || value === null || value === '' || wholeSat(value, name) === 0n) return null;
  return sat(value, name);
}

/**
 * A whole number, as a number or in digits, also with decimals that are zeros ("1000.0").
 * @throws {ProviderError} `InvalidDataError`
 */
function wholeSat(value: Json | undefined, name: string): bigint {
  const digits = typeof value === 'number' ? (Number.isSafeInteger(value) ? String(value) : '') : value;
  const whole = typeof digits === 'string' ? /^\s*([0-9]{1,16})(?:\.0*)?\s*$/.exec(digits)?.[1] : undefined;
  if (whole === undefined) throw invalid(`\`${name}\` is a whole number of sat.`);
  return BigInt(whole);
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
