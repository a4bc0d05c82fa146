// The file of a wallet's records: a head, then one record per commit, the first of them with everything there was. Numbers
// are big-endian. A record is the length of its body (4 bytes), the first 16 bytes of the body's SHA-256, the body.

import { createHash } from 'node:crypto';
import { WalletError } from '../../base/error.ts';
import { apply, fromKey, type WalletWrite } from './storage.ts';

const HEAD = Buffer.from('amplet-store 1\n\0', 'latin1');
const FRAME = 20;
const FIXED = 28;

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
  const size = Buffer.alloc(4);
  size.writeUInt32BE(body.length);
  return Buffer.concat([size, digest(body), body]);
}

/**
 * Reads a journal. An unfinished last record is left out.
 * @throws {WalletError} `corrupt` when it is damaged elsewhere, `newerFormat` when it is no journal of this format
 */
export function read(file: Buffer, place: string): Journal {
  if (!file.subarray(0, HEAD.length).equals(HEAD)) {
    throw new WalletError(
      'newerFormat',
      `${place} is not a store of this release's format: update to the newer release, or look whether the file is the right one.`,
    );
  }
  const journal = { ...nothing(), whole: HEAD.length };
  for (let first = true; ; first = false) {
    const body = next(file, journal.whole);
    if (body === null && first) throw damaged(place);
    if (body === 'damaged') throw damaged(place);
    if (body === null) return journal;
    take(journal, body, first, place);
    journal.whole += FRAME + body.length;
  }
}

/** The body of the record at `at`; `null` at the end or where the last one is unfinished. */
function next(file: Buffer, at: number): Buffer | null | 'damaged' {
  if (file.length - at < FRAME) return null;
  const size = file.readUInt32BE(at);
  const end = at + FRAME + size;
  if (size < FIXED || end > file.length) return null;
  const body = file.subarray(at + FRAME, end);
  if (digest(body).equals(file.subarray(at + 4, at + FRAME))) return body;
  return end === file.length ? null : 'damaged';
}

function take(journal: Journal, body: Buffer, first: boolean, place: string): void {
  journal.seq = body.readBigUInt64BE(0);
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
  const size = Buffer.alloc(4);
  size.writeUInt32BE(bytes === null ? REMOVED : bytes.length);
  return size;
}

const digest = (body: Buffer): Buffer => createHash('sha256').update(body).digest().subarray(0, 16);

const damaged = (place: string): WalletError =>
  new WalletError('corrupt', `${place} is damaged: restore the wallet from its backup.`);
