/** The database of the sites' records: sealed ones, and those of earlier releases, which lay open. */

import type { Json } from 'amplet/provider';
import type { SealedRecord } from './seal.ts';

const NAME = 'amplet-sites';
const SEALED = 'sealed';
/** Table of earlier releases: JSON by key. */
const OPEN = 'notes';

/** Where the records lie. Every method rejects when the database fails; what was written is on the disk. */
export interface SiteDatabase {
  get(name: string): Promise<SealedRecord | undefined>;
  put(name: string, record: SealedRecord): Promise<void>;
  delete(name: string): Promise<void>;
  all(): Promise<[string, SealedRecord][]>;
  /** Records that lie open. */
  open(): Promise<[string, Json][]>;
  /** Puts sealed records in the place of all that lie open, in one transaction. */
  replaceOpen(records: readonly [string, SealedRecord][]): Promise<void>;
  /** Deletes every record. */
  clear(): Promise<void>;
}

type Tables = Record<typeof SEALED | typeof OPEN, IDBObjectStore>;

/** IndexedDB of the extension's origin. */
export class IdbSiteDatabase implements SiteDatabase {
  #opening: Promise<IDBDatabase> | null = null;

  async get(name: string): Promise<SealedRecord | undefined> {
    return this.#run('readonly', ({ sealed }) => sealed.get(name) as IDBRequest<SealedRecord | undefined>);
  }

  async put(name: string, record: SealedRecord): Promise<void> {
    await this.#run('readwrite', ({ sealed }) => sealed.put(record, name));
  }

  async delete(name: string): Promise<void> {
    await this.#run('readwrite', ({ sealed }) => sealed.delete(name));
  }

  async all(): Promise<[string, SealedRecord][]> {
    return this.#entries<SealedRecord>(SEALED);
  }

  async open(): Promise<[string, Json][]> {
    return this.#entries<Json>(OPEN);
  }

  async replaceOpen(records: readonly [string, SealedRecord][]): Promise<void> {
    await this.#run('readwrite', ({ sealed, notes }) => {
      for (const [name, record] of records) sealed.put(record, name);
      return notes.clear();
    });
  }

  async clear(): Promise<void> {
    await this.#run('readwrite', ({ sealed, notes }) => {
      notes.clear();
      return sealed.clear();
    });
  }

  async #entries<T>(table: keyof Tables): Promise<[string, T][]> {
    let names: IDBRequest<IDBValidKey[]> | undefined;
    const values = await this.#run('readonly', (tables) => {
      names = tables[table].getAllKeys();
      return tables[table].getAll() as IDBRequest<T[]>;
    });
    return values.map((value, at) => [String(names?.result[at]), value]);
  }

  /** Resolves once what was written is on the disk. */
  async #run<T>(mode: IDBTransactionMode, work: (tables: Tables) => IDBRequest<T>): Promise<T> {
    const database = await this.#open();
    return new Promise((resolve, reject) => {
      const transaction = database.transaction([SEALED, OPEN], mode, { durability: 'strict' });
      const request = work({ sealed: transaction.objectStore(SEALED), notes: transaction.objectStore(OPEN) });
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error ?? new Error('the browser ended a write'));
    });
  }

  #open(): Promise<IDBDatabase> {
    this.#opening ??= new Promise<IDBDatabase>((resolve, reject) => {
      const request = indexedDB.open(NAME, 2);
      request.onupgradeneeded = () => {
        const { result } = request;
        for (const table of [SEALED, OPEN])
          if (!result.objectStoreNames.contains(table)) result.createObjectStore(table);
      };
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error ?? new Error('the database does not open'));
    }).catch((error: unknown) => {
      this.#opening = null; // tried again by the next
      throw error;
    });
    return this.#opening;
  }
}
