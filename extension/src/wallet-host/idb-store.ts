/** Storage of the host of sites: JSON by key, in a database of the extension's own. */

import type { Json, Store } from 'amplet/provider';

const NAME = 'amplet-sites';
const TABLE = 'notes';

export class IdbStore implements Store {
  #opening: Promise<IDBDatabase> | null = null;

  async get(key: string): Promise<Json | undefined> {
    return this.#run('readonly', (table) => table.get(key) as IDBRequest<Json | undefined>);
  }

  async set(key: string, value: Json): Promise<void> {
    await this.#run('readwrite', (table) => table.put(value, key));
  }

  async delete(key: string): Promise<void> {
    await this.#run('readwrite', (table) => table.delete(key));
  }

  async keys(prefix: string): Promise<readonly string[]> {
    const range = IDBKeyRange.bound(prefix, `${prefix}\uffff`);
    return this.#run('readonly', (table) => table.getAllKeys(range) as IDBRequest<string[]>);
  }

  /** Resolves once what was written is on the disk. */
  async #run<T>(mode: IDBTransactionMode, work: (table: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    const database = await this.#open();
    return new Promise((resolve, reject) => {
      const transaction = database.transaction(TABLE, mode, { durability: 'strict' });
      const request = work(transaction.objectStore(TABLE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error ?? new Error('the browser ended a write'));
    });
  }

  #open(): Promise<IDBDatabase> {
    this.#opening ??= new Promise<IDBDatabase>((resolve, reject) => {
      const request = indexedDB.open(NAME, 1);
      request.onupgradeneeded = () => request.result.createObjectStore(TABLE);
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error ?? new Error('the database does not open'));
    }).catch((error: unknown) => {
      this.#opening = null; // tried again by the next
      throw error;
    });
    return this.#opening;
  }
}
