/** The database in which earlier releases kept what is known of sites: it is read, and deleted. */

import type { Json } from 'amplet/provider';
import type { SealedRecord } from './former-seal.ts';

const NAME = 'amplet-sites';
/** Its tables: sealed records by name, and those of the first releases, which lay open, by key. */
const [SEALED, OPEN] = ['sealed', 'notes'];

/** What is in it. */
export interface FormerRecords {
  sealed: [string, SealedRecord][];
  open: [string, Json][];
}

/** Every method rejects when the browser's database fails. */
export interface FormerDatabase {
  /** Returns what is in it; `null`: there is no such database. */
  read(): Promise<FormerRecords | null>;
  /** Deletes it, if it is there. */
  delete(): Promise<void>;
}

/** In IndexedDB of the extension's origin. */
export class IdbFormerDatabase implements FormerDatabase {
  async read(): Promise<FormerRecords | null> {
    const all = await indexedDB.databases();
    if (!all.some(({ name }) => name === NAME)) return null;
    const database = await done(indexedDB.open(NAME));
    try {
      return { sealed: await entries(database, SEALED), open: await entries(database, OPEN) };
    } finally {
      database.close();
    }
  }

  async delete(): Promise<void> {
    await done(indexedDB.deleteDatabase(NAME));
  }
}

async function entries<T>(database: IDBDatabase, table: string): Promise<[string, T][]> {
  if (!database.objectStoreNames.contains(table)) return [];
  const store = database.transaction(table).objectStore(table);
  const [keys, values] = await Promise.all([done(store.getAllKeys()), done(store.getAll())]);
  return keys.map((key, at) => [String(key), values[at] as T]);
}

function done<T>(request: IDBRequest<T> | IDBOpenDBRequest): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result as T);
    request.onerror = () => reject(request.error ?? new Error('the database failed'));
    // Nobody who holds it open is waited for: the next start tries again.
    if ('onblocked' in request) request.onblocked = () => reject(new Error('the database is in use'));
  });
}
