/** What is kept about sites, in the wallet's own store. */

import { bindMethods } from '../base/bound.ts';
import { FUNCTION, must, type Kind } from '../base/kinds.ts';
import type { SiteRecord } from '../base/protocol.ts';
import type { Wallet } from '../wallet/wallet.ts';
import type { Store, StoreChange } from './types.ts';
import type { Json } from './wire.ts';

/** What gives the open wallet. */
export const OPEN: Kind = { ...FUNCTION, what: 'a function that gives the open wallet, such as () => wallet' };

/** The part of a {@link Wallet} that is used. */
export type RecordKeeper = Pick<Wallet, 'setSiteRecords' | 'siteRecord' | 'siteRecordKeys'>;

/**
 * A {@link Store} that lies sealed in the wallet, and is deleted with it: at most 16,384 values of 64 KiB. Every method rejects as the
 * wallet's do, with `closed` while it is locked.
 */
export class WalletStore implements Store {
  readonly #open: () => RecordKeeper;

  /**
   * `open` gives the wallet that is open now, or throws an error with the code `closed`.
   * @throws {WalletError} `invalidInput`
   */
  constructor(open: () => RecordKeeper) {
    this.#open = must('open', open, OPEN);
    bindMethods(this);
  }

  /** Returns what is kept at `key`. */
  async get(key: string): Promise<Json | undefined> {
    const text = await this.#open().siteRecord(key);
    return text === null ? undefined : (JSON.parse(text) as Json);
  }

  /** Keeps `value` under this name. */
  async set(key: string, value: Json): Promise<void> {
    await this.#open().setSiteRecords(siteRecords([{ key, value }]));
  }

  /** Forgets what is kept there. */
  async delete(key: string): Promise<void> {
    await this.#open().setSiteRecords([{ key, value: null }]);
  }

  /** Every key that begins with `prefix`. */
  async keys(prefix: string): Promise<readonly string[]> {
    return this.#open().siteRecordKeys(prefix);
  }
}

/** Changes of a {@link WalletStore}, as the wallet makes them beside a payment. */
export const siteRecords = (changes: readonly StoreChange[]): SiteRecord[] =>
  changes.map(({ key, value }) => ({ key, value: value === undefined ? null : JSON.stringify(value) }));
