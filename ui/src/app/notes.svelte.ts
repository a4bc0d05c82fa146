/** The user's own notes on payments: sealed in the wallet's store, and deleted with it. */

import type { Payment, Wallet } from 'amplet';
import { SvelteMap } from 'svelte/reactivity';

type Named = Pick<Payment, 'id' | 'direction'>;

const PREFIX = 'note/';
/** Characters of a note. */
export const MAX_NOTE = 500;

const keyOf = ({ direction, id }: Named): string => `${PREFIX}${direction}/${id}`;

/** The notes of the open wallet. */
export class Notes {
  readonly #texts = new SvelteMap<string, string>();
  #loaded: Promise<void> | null = null;

  /** The note on a payment; empty: none, or not fetched yet. */
  of(payment: Named): string {
    return this.#texts.get(keyOf(payment)) ?? '';
  }

  /** Fetches them, once for each wallet that is opened. Throws what the package throws. */
  load(wallet: Wallet): Promise<void> {
    this.#loaded ??= this.#fetch(wallet).catch((thrown: unknown) => {
      this.#loaded = null;
      throw thrown;
    });
    return this.#loaded;
  }

  async #fetch(wallet: Wallet): Promise<void> {
    for (const key of await wallet.siteRecordKeys(PREFIX)) {
      const text = await wallet.siteRecord(key);
      // What was written meanwhile is newer.
      if (text !== null && !this.#texts.has(key)) this.#texts.set(key, text);
    }
  }

  /** Keeps a note; an empty one is none. Throws what the package throws. */
  async keep(wallet: Wallet, payment: Named, text: string): Promise<void> {
    const [key, value] = [keyOf(payment), text.trim().slice(0, MAX_NOTE)];
    await wallet.setSiteRecords([{ key, value: value === '' ? null : value }]);
    this.#texts.set(key, value);
  }

  clear(): void {
    this.#loaded = null;
    this.#texts.clear();
  }
}
