/** Credentials on their way with a tab. */

import type { Store } from '../../types.ts';

/** Version of what is stored. */
const VERSION = 1;

/** A credential on its way: the tab's next response answers it. */
export interface PendingNavigation {
  readonly url: string;
  readonly paymentHash: string;
  /** It was bought for this very request: a refusal means that what was paid for is not delivered. */
  readonly fresh: boolean;
  /** Reloads in a row that led to no page. */
  readonly hops: number;
  readonly at: number;
}

/** Typed access to the {@link Store}. */
export class PendingNavigations {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Returns the navigation that waits in a tab; `null`: none. */
  async get(tabId: number): Promise<PendingNavigation | null> {
    const stored = (await this.#store.get(`trip/${tabId}`)) as unknown as
      (PendingNavigation & { version: number }) | null | undefined;
    return stored?.version === VERSION ? stored : null;
  }

  /** Records the navigation of a tab. */
  async set(tabId: number, navigation: PendingNavigation): Promise<void> {
    await this.#store.set(`trip/${tabId}`, { version: VERSION, ...navigation });
  }

  /** Removes the navigation of a tab. */
  async end(tabId: number): Promise<void> {
    await this.#store.delete(`trip/${tabId}`);
  }
}
