/** Records of sites: whom the user enabled, and which invoices are whose. */

import { must } from '../../base/kinds.ts';
import { siteKey, STORE, type Site, type Store, type StoreChange } from '../types.ts';
import type { Json } from '../wire.ts';

/** Version of what is stored. */
const VERSION = 1;
/** Records of invoices of each use that are kept, in all and of one site; beyond, the oldest go. */
const [MAX_INVOICES, MAX_INVOICES_OF_SITE] = [4_000, 1_000];
/** Number of records written before the old ones are counted again. */
const COUNT_EVERY = 100;

/** Grant of the user to a site. */
export interface Grant {
  /** True when the site may see the wallet's balance. */
  readonly balance: boolean;
}

/** `sent`: the site asked to pay it; `made`: it was made for the site. */
export type InvoiceUse = 'sent' | 'made';

/** Typed access to the {@link Store}. Every method rejects when the store fails. */
export class SiteRecords {
  readonly #store: Store;
  readonly #now: () => number;
  #written = 0;

  /** Reads nothing yet; `now` in milliseconds since the UNIX epoch. */
  constructor(store: Store, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  /** Returns what the user granted a site; `null`: it was not enabled. */
  async grant(site: Site): Promise<Grant | null> {
    const stored = object(await this.#store.get(`grant/${siteKey(site)}`));
    return stored === null ? null : { balance: stored['balance'] === true };
  }

  /** Records what the user granted a site. */
  async setGrant(site: Site, { balance }: Grant): Promise<void> {
    await this.#store.set(`grant/${siteKey(site)}`, { version: VERSION, balance });
  }

  /** Takes back what the user granted a site. */
  async revoke(site: Site): Promise<void> {
    await this.#store.delete(`grant/${siteKey(site)}`);
  }

  /** The sites that the user enabled. */
  async granted(): Promise<Site[]> {
    const keys = await this.#store.keys('grant/');
    return keys.map((key) => {
      const [origin = '', topLevel = ''] = key.slice('grant/'.length).split(' ');
      return { origin, topLevel };
    });
  }

  /** The invoice of this payment hash, if `site` has to do with it in that way. */
  async invoice(use: InvoiceUse, site: Site, paymentHash: string): Promise<string | null> {
    const stored = object(await this.#store.get(invoiceKey(use, site, paymentHash)));
    return stored === null ? null : String(stored['invoice']);
  }

  /** Records that an invoice was made for it. */
  async recordMade(site: Site, paymentHash: string, invoice: string): Promise<void> {
    await this.change(await this.#recorded('made', site, paymentHash, invoice));
  }

  /**
   * What is recorded with a payment that the wallet makes for `site`: that it is this site's, and no other's; what others recorded of
   * the invoice was no payment, and its proof is not theirs.
   */
  async sent(site: Site, paymentHash: string, invoice: string): Promise<StoreChange[]> {
    const mine = invoiceKey('sent', site, paymentHash);
    const others = (await this.#store.keys(`sent/${paymentHash} `)).filter((key) => key !== mine);
    return [...others.map(forgotten), ...(await this.#recorded('sent', site, paymentHash, invoice))];
  }

  /** Makes changes that go with no payment. */
  async change(changes: readonly StoreChange[]): Promise<void> {
    for (const { key, value } of changes)
      await (value === undefined ? this.#store.delete(key) : this.#store.set(key, value));
  }

  /** Returns whether several sites noted an invoice, so that it cannot be said whose payment it is. */
  async isDisputed(paymentHash: string): Promise<boolean> {
    return (await this.#store.keys(`sent/${paymentHash} `)).length > 1;
  }

  async #recorded(use: InvoiceUse, site: Site, paymentHash: string, invoice: string): Promise<StoreChange[]> {
    const value = { version: VERSION, invoice, at: this.#now() };
    const old = this.#written++ % COUNT_EVERY === 0 ? await this.#tooMany(use) : [];
    return [...old.map(forgotten), { key: invoiceKey(use, site, paymentHash), value }];
  }

  /** The oldest records beyond what is kept for each site and in all: none of them pushes out those of others before its own. */
  async #tooMany(use: InvoiceUse): Promise<string[]> {
    const all = await this.#store.keys(`${use}/`);
    const bySite = new Map<string, string[]>();
    for (const key of all) {
      const site = key.slice(key.indexOf(' ') + 1);
      bySite.set(site, [...(bySite.get(site) ?? []), key]);
    }
    const beyond = [...bySite.values()].map((keys) => this.#oldest(keys, keys.length - MAX_INVOICES_OF_SITE));
    const gone = new Set((await Promise.all(beyond)).flat());
    const left = all.filter((key) => !gone.has(key));
    return [...gone, ...(await this.#oldest(left, left.length - MAX_INVOICES))];
  }

  async #oldest(keys: readonly string[], count: number): Promise<string[]> {
    if (count <= 0) return [];
    const dated = await Promise.all(
      keys.map(async (key) => ({ key, at: Number(object(await this.#store.get(key))?.['at'] ?? 0) })),
    );
    dated.sort((one, other) => one.at - other.at);
    return dated.slice(0, count).map(({ key }) => key);
  }
}

const forgotten = (key: string): StoreChange => ({ key, value: undefined });

/** Each site has its own note of an invoice: none can touch another's. */
const invoiceKey = (use: InvoiceUse, site: Site, paymentHash: string): string =>
  `${use}/${paymentHash} ${siteKey(site)}`;

/**
 * Returns which site had which invoice paid, by payment hash in hex, for those that are still noted (the last 1,000 of each, and
 * 4,000 in all). Rejects when the store fails.
 * @throws {WalletError} `invalidInput`
 */
export async function payingSites(store: Store): Promise<Map<string, Site>> {
  must('store', store, STORE);
  const keys = await store.keys('sent/');
  return new Map(
    keys.map((key) => {
      const [paymentHash = '', origin = '', topLevel = ''] = key.slice('sent/'.length).split(' ');
      return [paymentHash, { origin, topLevel }] as const;
    }),
  );
}

/** A stored object of this version. */
function object(value: Json | undefined): { readonly [name: string]: Json } | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const stored = value as { readonly [name: string]: Json };
  return stored['version'] === VERSION ? stored : null;
}
