// Wallets in files, safe against several processes without any lock.
//
// Whoever takes over creates `<epoch>.claim`, which only one can, then writes what the newest journal holds into
// `<epoch>.journal`. A writer appends to its journal, syncs it, and only then looks for a claim above its own epoch: when
// there is none, whoever claims later reads the commit; when there is one, the journal of the claimant tells whether it
// had the commit in it.
//
// A journal takes another's place when what was written reads as it should, and the one before goes when the new one has a
// commit of its own: until then all that there is is in both.

import type { FileHandle } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { WalletError } from '../../base/error.ts';
import { KeyedMutex } from '../../base/keyed-mutex.ts';
import { checkName } from '../../link/names.ts';
import { Files } from './files.ts';
import { holds, record, snapshot, type Journal } from './journal.ts';
import {
  apply,
  closedStore,
  fromKey,
  toKey,
  type WalletStorage,
  type WalletStore,
  type WalletWrite,
} from './storage.ts';

/** A journal is rewritten when it is this long, in bytes, and mostly of the past. */
const REWRITE_BYTES = 8 << 20;

/** Time, in ms, that a claimant's journal is waited for: it takes one write of what the store holds. */
const CLAIMANT_MS = 5_000;

/**
 * Wallets in a folder of the local disk, one folder for each name, with one journal of sealed records that is read into
 * memory. A commit is synced to the disk before it resolves. Several processes may use the folder; the one that opened a
 * wallet last can write, and the others get `fenced`. Deleting a wallet leaves an empty journal behind, which keeps the
 * count of writers.
 * @param directory its path or `file:` URL; made when it is not there
 * @throws {WalletError} `invalidInput`
 */
export function fileStorage(directory: string | URL): WalletStorage {
  if (typeof directory !== 'string' && !(directory instanceof URL))
    throw new WalletError('invalidInput', '`directory` is a path or a `file:` URL.');
  const folder = resolve(directory instanceof URL ? fileURLToPath(directory) : directory);
  return {
    async open(name) {
      checkName(name);
      return new FileStore(new Files(join(folder, name)));
    },
  };
}

/** The journal that this store appends to. */
interface Own extends Journal {
  epoch: bigint;
  file: FileHandle;
  /** True once it has a commit of its own and the journal before it is gone. */
  proved: boolean;
}

class FileStore implements WalletStore {
  readonly place: string;
  readonly #files: Files;
  #own: Own | null = null;
  #closed = false;
  readonly #mutex = new KeyedMutex();

  constructor(files: Files) {
    this.#files = files;
    this.place = files.folder;
  }

  read(name: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#exclusive(async () => (await this.#records()).get(toKey(name))?.slice());
  }

  names(): Promise<Uint8Array[]> {
    return this.#exclusive(async () => [...(await this.#records()).keys()].map(fromKey));
  }

  takeOver(): Promise<bigint> {
    return this.#exclusive(() => this.#take());
  }

  commit(writes: WalletWrite[], epoch: bigint): Promise<bigint> {
    return this.#exclusive(async () => {
      const now = await this.#files.epoch();
      if (now !== epoch) return now;
      if (this.#own?.epoch !== epoch) {
        throw new WalletError(
          'internal',
          `The store ${this.place} was written to by who had not taken it over: report this defect.`,
        );
      }
      return this.#append(this.#own, writes);
    });
  }

  destroy(): Promise<void> {
    return this.#exclusive(async () => {
      const epoch = await this.#take(() => new Map());
      await this.#files.tidy(epoch);
      await this.#letGo();
    });
  }

  async close(): Promise<void> {
    if (!this.#closed) await this.#exclusive(() => this.#letGo());
  }

  /** Returns what the wallet holds now: this store's own journal while it is the newest, otherwise what another has written. */
  async #records(): Promise<Map<string, Uint8Array>> {
    if (this.#own !== null && (await this.#files.epoch()) === this.#own.epoch) return this.#own.byName;
    return (await this.#files.newest()).journal.byName;
  }

  /** Takes the next epoch with the records, or with others in their place. */
  async #take(others?: () => Map<string, Uint8Array>): Promise<bigint> {
    // What cannot be read is taken from nobody.
    if (others === undefined) await this.#files.newest();
    for (;;) {
      const epoch = (await this.#files.epoch()) + 1n;
      if (!(await this.#files.claim(epoch))) continue;
      const { epoch: from, journal } = await this.#files.newest();
      if (from > epoch) continue; // overtaken: a later claimant is the writer already
      const own = { ...journal, byName: others?.() ?? journal.byName, origin: { from, seq: journal.seq } };
      const whole = await this.#draft(epoch, own);
      const file = await this.#files.publish(epoch);
      await this.#own?.file.close();
      this.#own = { ...own, epoch, file, whole, proved: false };
      await this.#files.tidy(epoch, from);
      return epoch;
    }
  }

  /** Writes a whole journal beside its place, and reads it back. Returns its length. */
  async #draft(epoch: bigint, journal: Omit<Journal, 'whole'>): Promise<number> {
    const content = snapshot(journal);
    const written = await this.#files.draft(epoch, content);
    if (written.equals(content) && holds(written, journal)) return content.length;
    throw new WalletError(
      'storage',
      `The disk does not give back what was written to ${this.place}; what was there before still is: look at the disk.`,
    );
  }

  async #append(own: Own, writes: WalletWrite[]): Promise<bigint> {
    const seq = own.seq + 1n;
    const bytes = record(seq, writes);
    await this.#mend(own);
    await own.file.appendFile(bytes);
    await own.file.sync();
    const now = await this.#files.epoch();
    if (now !== own.epoch && !(await this.#wasTaken(own.epoch, seq, now))) return now;
    own.seq = seq;
    own.whole += bytes.length;
    apply(own.byName, writes);
    if (now !== own.epoch) return own.epoch;
    if (!own.proved) await this.#prove(own);
    if (own.whole > REWRITE_BYTES) await this.#rewrite(own);
    return own.epoch;
  }

  /** The journal has a commit of its own: the one before is past. Where it cannot be removed the next commit tries again. */
  async #prove(own: Own): Promise<void> {
    await this.#files.tidy(own.epoch).then(
      () => (own.proved = true),
      () => {},
    );
  }

  /** Cuts off what a failed append left. */
  async #mend(own: Own): Promise<void> {
    const { size } = await own.file.stat();
    if (size > own.whole) await own.file.truncate(own.whole);
  }

  /** Returns whether the commit `seq` of `epoch` is in the journal of whoever claimed the wallet meanwhile. */
  async #wasTaken(epoch: bigint, seq: bigint, claimed: bigint): Promise<boolean> {
    for (const deadline = Date.now() + CLAIMANT_MS; Date.now() < deadline; await sleep(5)) {
      const { epoch: newest, journal } = await this.#files.newest();
      if (newest < claimed) continue;
      if (journal.origin.from === epoch) return journal.origin.seq >= seq;
      break;
    }
    throw new WalletError(
      'storage',
      `Another process has taken over ${this.place}, and it cannot be told whether it has what was saved last: use that process.`,
    );
  }

  async #rewrite(own: Own): Promise<void> {
    if (snapshot(own).length * 2 > own.whole) return;
    let whole: number;
    try {
      whole = await this.#draft(own.epoch, own);
    } catch {
      return; // no room, or a bad place on the disk: the long journal is as good, and the next commit tries again
    }
    this.#own = null; // until it is known which file is the journal
    const file = await this.#files.publish(own.epoch);
    await own.file.close();
    this.#own = { ...own, file, whole };
  }

  async #letGo(): Promise<void> {
    this.#closed = true;
    await this.#own?.file.close();
    this.#own = null;
  }

  /** Runs one after the other, in the order of the calls. */
  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    return this.#mutex.run(this.place, async () => {
      if (this.#closed) throw closedStore();
      return work();
    });
  }
}
