/** Records of sites: whom the user enabled, and which invoices are whose. */

import { siteKey, type Site, type Store } from '../types.ts';
import type { Json } from '../wire.ts';

/** Version of what is stored. */
const VERSION = 1;
/** Records of invoices that are kept; beyond, the oldest go. */
const MAX_INVOICES = 2_000;
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

  /** Records that it has, before anything is done with it. */
  async recordInvoice(use: InvoiceUse, site: Site, paymentHash: string, invoice: string): Promise<void> {
    await this.#store.set(invoiceKey(use, site, paymentHash), { version: VERSION, invoice, at: this.#now() });
    if (this.#written++ % COUNT_EVERY === 0) await this.#forgetOld(use);
  }

  /** Takes a note back. */
  async forgetInvoice(use: InvoiceUse, site: Site, paymentHash: string): Promise<void> {
    await this.#store.delete(invoiceKey(use, site, paymentHash));
  }

  /** The wallet has paid an invoice for `site`: what others noted of it was no payment, and its proof is not theirs. */
  async claimInvoice(site: Site, paymentHash: string): Promise<void> {
    const mine = invoiceKey('sent', site, paymentHash);
    for (const key of await this.#store.keys(`sent/${paymentHash} `)) if (key !== mine) await this.#store.delete(key);
  }

  /** Returns whether several sites noted an invoice, so that it cannot be said whose payment it is. */
  async isDisputed(paymentHash: string): Promise<boolean> {
    return (await this.#store.keys(`sent/${paymentHash} `)).length > 1;
  }

  async #forgetOld(use: InvoiceUse): Promise<void> {
    const keys = await this.#store.keys(`${use}/`);
    if (keys.length <= MAX_INVOICES) return;
    const dated = await Promise.all(
      keys.map(async (key) => ({ key, at: Number(object(await this.#store.get(key))?.['at'] ?? 0) })),
    );
    dated.sort((one, other) => one.at - other.at);
    for (const { key } of dated.slice(0, keys.length - MAX_INVOICES)) await this.#store.delete(key);
  }
}

/** Each site has its own note of an invoice: none can touch another's. */
const invoiceKey = (use: InvoiceUse, site: Site, paymentHash: string): string =>
  `${use}/${paymentHash} ${siteKey(site)}`;

/**
 * Returns which site had which invoice paid, by payment hash in hex, for those that are still noted (the last 2,000). Rejects when the
 * store fails.
 */
export async function payingSites(store: Store): Promise<Map<string, Site>> {
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
