/**
 * Storage of the host of sites: whom the user enabled, whose invoices are whose, credentials, preimages, receipts. It lies sealed
 * with keys that only the open wallet can make; locked, every method rejects with `closed`.
 */

import type { Json, Store } from 'amplet/provider';
import { Seal } from './seal.ts';
import type { SiteDatabase } from './site-database.ts';

/** What it is sealed with, and which records there are. */
interface Opened {
  seal: Seal;
  /** Names in the database, by key. */
  names: Map<string, string>;
}

/** The open wallet, as far as it is used. */
export interface Sealer {
  logIn(request: { domain: string; challenge: string }): Promise<{ signature: string }>;
}

/**
 * No site can be at this domain (RFC 6761), so that what the wallet signs for it stays here: the engine has no other secret to
 * give that lives and dies with the recovery phrase, whatever the passphrase is.
 */
export const SEAL_DOMAIN = 'sites.amplet.invalid';
/** SHA-256 of "amplet sites 1". */
const CHALLENGE = '7785b70fdb2784f84efe8c994776af428d8b0b4122ce74d2ef04c92f4bbafe60';

/** See the head of this file. */
export class SealedStore implements Store {
  readonly #database: SiteDatabase;
  readonly #open: () => Sealer;
  readonly #opened = new WeakMap<Sealer, Promise<Opened>>();

  /** `open` returns the wallet that is open, or throws an error with the code `closed`. */
  constructor(database: SiteDatabase, open: () => Sealer) {
    this.#database = database;
    this.#open = open;
  }

  async get(key: string): Promise<Json | undefined> {
    const { seal, names } = await this.#ready();
    const name = names.get(key);
    const record = name === undefined ? undefined : await this.#database.get(name);
    return name === undefined || record === undefined ? undefined : (await seal.open(name, record))?.value;
  }

  async set(key: string, value: Json): Promise<void> {
    const { seal, names } = await this.#ready();
    const name = await seal.nameOf(key);
    await this.#database.put(name, await seal.seal(name, key, value));
    names.set(key, name);
  }

  async delete(key: string): Promise<void> {
    const { seal, names } = await this.#ready();
    await this.#database.delete(await seal.nameOf(key));
    names.delete(key);
  }

  async keys(prefix: string): Promise<readonly string[]> {
    const { names } = await this.#ready();
    return [...names.keys()].filter((key) => key.startsWith(prefix)).sort();
  }

  /** Deletes everything: the wallet was deleted. */
  async wipe(): Promise<void> {
    await this.#database.clear();
  }

  #ready(): Promise<Opened> {
    let wallet: Sealer;
    try {
      wallet = this.#open();
    } catch (closed) {
      return Promise.reject(closed);
    }
    const known = this.#opened.get(wallet);
    if (known !== undefined) return known;
    const opening = this.#unseal(wallet);
    this.#opened.set(wallet, opening);
    opening.catch(() => this.#opened.delete(wallet)); // tried again by the next
    return opening;
  }

  async #unseal(wallet: Sealer): Promise<Opened> {
    const { signature } = await wallet.logIn({ domain: SEAL_DOMAIN, challenge: CHALLENGE });
    const seal = await Seal.of(Uint8Array.from(signature.match(/../g) ?? [], (byte) => parseInt(byte, 16)));
    await this.#sealOpen(seal);
    const names = new Map<string, string>();
    for (const [name, record] of await this.#database.all()) {
      const found = await seal.open(name, record);
      if (found !== null) names.set(found.key, name);
    }
    return { seal, names };
  }

  /** Seals what earlier releases left open. */
  async #sealOpen(seal: Seal): Promise<void> {
    const open = await this.#database.open();
    if (open.length === 0) return;
    const sealed = open.map(async ([key, value]) => {
      const name = await seal.nameOf(key);
      return [name, await seal.seal(name, key, value)] as [string, Awaited<ReturnType<Seal['seal']>>];
    });
    await this.#database.replaceOpen(await Promise.all(sealed));
  }
}
