// A wallet's storage outside the browser: its contract, and one in memory.

import { WalletError } from '../../base/error.ts';

/** One write of a commit. The bytes are the store's to keep. */
export interface WalletWrite {
  /** The record's name: sealed bytes. */
  name: Uint8Array;
  /** Its new value, sealed; `null` removes it. */
  value: Uint8Array | null;
}

/**
 * One wallet's records: a transactional map of bytes to bytes, guarded by an epoch so that only one process writes. What is
 * in it is sealed; it needs no secrecy.
 *
 * What a method rejects with becomes `storageFull` when its `code` is `storageFull`, `ENOSPC` or `EDQUOT`, `corrupt` when it
 * is `corrupt`, `closed` when it is `closed`, and `storage` otherwise. Every method rejects after `close` and `destroy`.
 */
export interface WalletStore {
  /** Place of the store, for people, such as a path. */
  readonly place: string;
  /** Resolves with the value of `name`, or `undefined` when there is none. */
  read(name: Uint8Array): Promise<Uint8Array | undefined>;
  /** Resolves with all names, in any order. */
  names(): Promise<Uint8Array[]>;
  /**
   * Makes the caller the only writer: raises the stored epoch (0 in a new store), durably, and resolves with it. Whoever
   * holds an earlier one cannot commit from then on, in whatever process it is.
   */
  takeOver(): Promise<bigint>;
  /**
   * Applies all writes, later ones winning, if the stored epoch is `epoch`; all or nothing, and durable (on the disk, not
   * only with the operating system) when it resolves. The epoch is compared in the same transaction. Resolves with the epoch
   * found: when that is another one, nothing was written. Commits apply in the order in which they were called.
   */
  commit(writes: WalletWrite[], epoch: bigint): Promise<bigint>;
  /** Deletes everything permanently, whoever is writing, and closes this store; other writers cannot commit any more. */
  destroy(): Promise<void>;
  /** Lets go of what the store holds. Closing twice is no error. */
  close(): Promise<void>;
}

/** The place of wallets. */
export interface WalletStorage {
  /**
   * Resolves with the records of a wallet, empty ones if there is none of this name (1 to 64 of `a-z 0-9 - _`).
   * Rejects as a {@link WalletStore} does.
   */
  open(name: string): Promise<WalletStore>;
}

/** Bytes as a key of a map. */
export const toKey = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

/** The reverse of {@link toKey}. */
export const fromKey = (key: string): Uint8Array => new Uint8Array(Buffer.from(key, 'latin1'));

/** Refuses what is asked of a closed store. */
export const closedStore = (): WalletError =>
  new WalletError('closed', "The wallet's storage is closed: open the wallet again.");

/** The records of one wallet and the epoch of their writer. */
interface Records {
  epoch: bigint;
  byName: Map<string, Uint8Array>;
}

/** Wallets in this process's memory, gone with it: for tests, and for wallets that are meant to be forgotten. */
export function memoryStorage(): WalletStorage {
  const wallets = new Map<string, Records>();
  return {
    async open(name) {
      const records = wallets.get(name) ?? { epoch: 0n, byName: new Map<string, Uint8Array>() };
      wallets.set(name, records);
      return new MemoryStore(records);
    },
  };
}

class MemoryStore implements WalletStore {
  readonly place = 'memory';
  #records: Records | null;

  constructor(records: Records) {
    this.#records = records;
  }

  async read(name: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#open().byName.get(toKey(name))?.slice();
  }

  async names(): Promise<Uint8Array[]> {
    return [...this.#open().byName.keys()].map(fromKey);
  }

  async takeOver(): Promise<bigint> {
    return (this.#open().epoch += 1n);
  }

  async commit(writes: WalletWrite[], epoch: bigint): Promise<bigint> {
    const records = this.#open();
    if (records.epoch === epoch) apply(records.byName, writes);
    return records.epoch;
  }

  async destroy(): Promise<void> {
    const records = this.#open();
    records.epoch += 1n;
    records.byName.clear();
    this.#records = null;
  }

  async close(): Promise<void> {
    this.#records = null;
  }

  #open(): Records {
    if (this.#records === null) throw closedStore();
    return this.#records;
  }
}

/** Applies writes to records in memory. */
export function apply(byName: Map<string, Uint8Array>, writes: WalletWrite[]): void {
  for (const { name, value } of writes) {
    if (value === null) byName.delete(toKey(name));
    else byName.set(toKey(name), value.slice());
  }
}
