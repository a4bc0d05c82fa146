// The file of a wallet's records: a head, then one record per commit, the first of them with everything there was. Numbers
// are big-endian.
//
// A record of format 2 is the length of its body (4 bytes), the first 8 bytes of that length's SHA-256, the first 16 bytes of
// the SHA-256 of length and body, the body, and an end that is not zero. Length and number (in the body, one more than that of
// the record before) are digested, so that whatever bit turns over is seen: only what lacks its end, as a write that never
// ended does, is taken for unfinished. Format 1 had neither the length's digest nor the end; it is read, and never written.

import { createHash } from 'node:crypto';
import { WalletError } from '../../base/error.ts';
import { apply, fromKey, type WalletWrite } from './storage.ts';

const HEAD = Buffer.from('amplet-store 2\n\0', 'latin1');
const HEAD_1 = Buffer.from('amplet-store 1\n\0', 'latin1');
const [LENGTH, CHECK, DIGEST] = [4, 8, 16];
const FRAME = LENGTH + CHECK + DIGEST;
const FRAME_1 = LENGTH + DIGEST;
const END = Buffer.from('done', 'latin1');
/** What a body begins with: number, origin, number of writes. */
const FIXED = 28;
/** A disk writes so many bytes as a whole or not at all; what it did not come to reads as zeros on some file systems. */
const SECTOR = 512;

/** The origin of a journal: it began with the state of epoch `from` after its commit `seq`. */
export interface Origin {
  from: bigint;
  seq: bigint;
}

/** The content of a journal. */
export interface Journal {
  /** Its origin. */
  origin: Origin;
  /** Number of its last commit, counted over all epochs. */
  seq: bigint;
  /** The records after that commit. */
  byName: Map<string, Uint8Array>;
  /** Length in bytes of what is whole; what follows was being written when the process or the machine stopped. */
  whole: number;
}

/** An empty store's. */
export const nothing = (): Journal => ({ origin: { from: 0n, seq: 0n }, seq: 0n, byName: new Map(), whole: 0 });

/** A journal with one record: everything there is. */
export function snapshot({ origin, seq, byName }: Omit<Journal, 'whole'>): Buffer {
  const writes = [...byName].map(([key, value]) => ({ name: fromKey(key), value }));
  return Buffer.concat([HEAD, record(seq, writes, origin)]);
}

/** The record of a commit. */
export function record(seq: bigint, writes: WalletWrite[], origin: Origin = { from: 0n, seq: 0n }): Buffer {
  const fixed = Buffer.alloc(FIXED);
  fixed.writeBigUInt64BE(seq, 0);
  fixed.writeBigUInt64BE(origin.from, 8);
  fixed.writeBigUInt64BE(origin.seq, 16);
  fixed.writeUInt32BE(writes.length, 24);
  const body = Buffer.concat([
    fixed,
    ...writes.flatMap(({ name, value }) => [length(name), name, length(value), value ?? new Uint8Array()]),
  ]);
  const size = length(body);
  return Buffer.concat([size, sha256(size).subarray(0, CHECK), digest(size, body), body, END]);
}

/**
 * Reads a journal. An unfinished last record is left out.
 * @throws {WalletError} `corrupt` when it is damaged, `newerFormat` when it is no journal of a format that is known
 */
export function read(file: Buffer, place: string): Journal {
  const head = file.subarray(0, HEAD.length);
  if (head.equals(HEAD)) return readRecords(file, place, next);
  if (head.equals(HEAD_1)) return readRecords(file, place, nextOf1);
  // Behind a damaged head stand records that can be read.
  if (file.length < HEAD.length || [next, nextOf1].some((format) => typeof format(file, HEAD.length) === 'object'))
    throw damaged(place);
  throw new WalletError(
    'newerFormat',
    `${place} is not a store of this release's format: update to the newer release, or look whether the file is the right one.`,
  );
}

/** Returns whether a file holds exactly what `journal` does. */
export function holds(file: Buffer, { seq, byName }: Omit<Journal, 'whole'>): boolean {
  const found = read(file, 'what was written');
  return (
    found.whole === file.length &&
    found.seq === seq &&
    found.byName.size === byName.size &&
    [...byName].every(([key, value]) => Buffer.compare(found.byName.get(key) ?? new Uint8Array(), value) === 0)
  );
}

/** A record's body and where the record ends; or why there is none. */
type Found = { readonly body: Buffer; readonly end: number } | 'unfinished' | 'damaged';

function readRecords(file: Buffer, place: string, format: (file: Buffer, at: number) => Found): Journal {
  const journal = { ...nothing(), whole: HEAD.length };
  for (let first = true; ; first = false) {
    const found = format(file, journal.whole);
    // The first is written beside its place, and is there as a whole.
    if (found === 'damaged' || (found === 'unfinished' && first)) throw damaged(place);
    if (found === 'unfinished') return journal;
    take(journal, found.body, first, place);
    journal.whole = found.end;
  }
}

function next(file: Buffer, at: number): Found {
  if (file.length - at < FRAME) return 'unfinished';
  const size = file.subarray(at, at + LENGTH);
  const digested = at + LENGTH + CHECK;
  if (
    !sha256(size)
      .subarray(0, CHECK)
      .equals(file.subarray(at + LENGTH, digested))
  )
    return isZero(file, at, at + FRAME) ? 'unfinished' : 'damaged';
  const begin = at + FRAME;
  const last = begin + size.readUInt32BE();
  const end = last + END.length;
  if (end > file.length) return 'unfinished';
  const body = file.subarray(begin, last);
  const sound = digest(size, body).equals(file.subarray(digested, begin)) && file.subarray(last, end).equals(END);
  if (sound) return { body, end };
  return end === file.length && (isZero(file, last, end) || lacksSector(file, at, end)) ? 'unfinished' : 'damaged';
}

/** Its length is not digested: whether one bit of it turned over is tried. */
function nextOf1(file: Buffer, at: number): Found {
  const begin = at + FRAME_1;
  if (file.length < begin) return 'unfinished';
  const stated = file.readUInt32BE(at);
  const bodyOf = (size: number): Buffer | null => {
    const body = size >= FIXED && begin + size <= file.length ? file.subarray(begin, begin + size) : null;
    return body !== null &&
      sha256(body)
        .subarray(0, DIGEST)
        .equals(file.subarray(at + LENGTH, begin))
      ? body
      : null;
  };
  const body = bodyOf(stated);
  const end = begin + stated;
  if (body !== null) return { body, end };
  if (isZero(file, at, begin)) return 'unfinished';
  if (stated < FIXED || end < file.length) return 'damaged';
  if (end === file.length)
    return isZero(file, end - DIGEST, end) || lacksSector(file, at, end) ? 'unfinished' : 'damaged';
  const turned = Array.from({ length: 32 }, (_, bit) => (stated ^ (1 << bit)) >>> 0);
  return turned.some((size) => bodyOf(size) !== null) ? 'damaged' : 'unfinished';
}

const isZero = (file: Buffer, from: number, to: number): boolean => file.subarray(from, to).every((byte) => byte === 0);

/** Returns whether a whole sector between the two was never written: what is sealed has none of zeros. */
function lacksSector(file: Buffer, from: number, to: number): boolean {
  for (let at = Math.ceil(from / SECTOR) * SECTOR; at + SECTOR <= to; at += SECTOR)
    if (isZero(file, at, at + SECTOR)) return true;
  return false;
}

function take(journal: Journal, body: Buffer, first: boolean, place: string): void {
  const seq = body.readBigUInt64BE(0);
  if (!first && seq !== journal.seq + 1n) throw damaged(place);
  journal.seq = seq;
  if (first) journal.origin = { from: body.readBigUInt64BE(8), seq: body.readBigUInt64BE(16) };
  const writes: WalletWrite[] = [];
  let at = FIXED;
  const bytes = (): Buffer | null => {
    const size = body.readUInt32BE(at);
    at += 4;
    if (size === REMOVED) return null;
    at += size;
    if (at > body.length) throw damaged(place);
    return body.subarray(at - size, at);
  };
  for (let left = body.readUInt32BE(24); left > 0; left -= 1) {
    const name = bytes();
    if (name === null) throw damaged(place);
    writes.push({ name, value: bytes() });
  }
  apply(journal.byName, writes);
}

/** Stands for a length where a record is removed. */
const REMOVED = 0xffff_ffff;

function length(bytes: Uint8Array | null): Buffer {
  const size = Buffer.alloc(LENGTH);
  size.writeUInt32BE(bytes === null ? REMOVED : bytes.length);
  return size;
}

const sha256 = (...parts: Buffer[]): Buffer =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();

const digest = (size: Buffer, body: Buffer): Buffer => sha256(size, body).subarray(0, DIGEST);

const damaged = (place: string): WalletError =>
  new WalletError('corrupt', `${place} is damaged: restore the wallet from its backup.`);
