/** Pending success actions (LUD-09): kept from when it is paid for until the user has seen it. */

import type { Prompts } from '../payments/prompts.ts';
import type { Site, SiteWallet, Store, StoreChange } from '../types.ts';
import type { Json } from '../wire.ts';
import { readSuccess, revealed } from './success.ts';

/** Version of what is stored. */
const VERSION = 1;

/** A promise, as the service made it. */
interface PendingSuccessAction {
  readonly site: Site;
  readonly domain: string;
  /** Address that the invoice came from. */
  readonly callback: string;
  readonly successAction: Json;
}

/** Keeps promises, and shows what they were. Every method rejects when the store fails. */
export class PendingSuccessActions {
  readonly #store: Store;
  readonly #wallet: Pick<SiteWallet, 'lookup'>;
  readonly #prompts: Prompts;
  /** Actions that the user is being shown. */
  readonly #showing = new Set<string>();

  constructor(wallet: Pick<SiteWallet, 'lookup' | 'store'>, prompts: Prompts) {
    this.#store = wallet.store;
    this.#wallet = wallet;
    this.#prompts = prompts;
  }

  /** One as a change that goes with its payment. */
  noted(paymentHash: string, { site, ...promise }: PendingSuccessAction): StoreChange {
    return { key: keyOf(paymentHash), value: { version: VERSION, site: { ...site }, ...promise } };
  }

  /** Nothing was paid for it, or the user has seen it. */
  async drop(paymentHash: string): Promise<void> {
    await this.#store.delete(keyOf(paymentHash));
  }

  /** Shows it, also when the page that asked is gone by now. */
  async show(paymentHash: string, preimage: string): Promise<void> {
    if (this.#showing.has(paymentHash)) return;
    this.#showing.add(paymentHash);
    try {
      await this.#show(paymentHash, preimage);
    } finally {
      this.#showing.delete(paymentHash);
    }
  }

  /** What no window showed, and what was closed unread, is kept: it was paid for, and is nowhere else. */
  async #show(paymentHash: string, preimage: string): Promise<void> {
    const stored = (await this.#store.get(keyOf(paymentHash))) as unknown as
      (PendingSuccessAction & { version: number }) | undefined;
    const success = stored?.version === VERSION ? readSuccess(stored.successAction, new URL(stored.callback)) : null;
    if (!stored || !success) return;
    const { site, domain } = stored;
    const seen = await this.#prompts.show({
      kind: 'lnurlSuccess',
      site,
      domain,
      ...(await revealed(success, preimage)),
    });
    if (seen) await this.drop(paymentHash);
  }

  /**
   * Shows what was paid for and not seen: the host died before it could, no window came, it was closed unread. What is not decided is
   * left for the next time.
   */
  async resume(): Promise<void> {
    for (const key of await this.#store.keys(PREFIX)) {
      const paymentHash = key.slice(PREFIX.length);
      const outcome = await this.#wallet.lookup(paymentHash);
      // One that cannot be shown keeps none of the others from it.
      if (outcome.state === 'succeeded') await this.show(paymentHash, outcome.preimage).catch(() => {});
      else if (outcome.state === 'failed') await this.drop(paymentHash);
    }
  }
}

const PREFIX = 'promised/';
const keyOf = (paymentHash: string): string => `${PREFIX}${paymentHash}`;
