/** What sites asked for and were let in to do, as the wallet's windows show it and take it back. */

import type { Wallet } from 'amplet';
import { payingSites, type Site, type SiteHost, type Store } from 'amplet/provider';
import type { ConnectedSite } from 'amplet-ui/app/sites.ts';
import { budgetOf } from '../lib/budgets.ts';
import type { FormerDatabase } from './former-database.ts';
import type { Sites } from './sites.ts';
import type { Streams } from './streams.ts';

interface Parts {
  host: Pick<SiteHost, 'records'>;
  store: Store;
  /** What an earlier release kept, if it is there still. */
  former: Pick<FormerDatabase, 'delete'>;
  sites: Pick<Sites, 'disconnected'>;
  streams: Pick<Streams, 'endOf'>;
  /** The wallet that is open now; throws while it is locked. */
  open: () => Pick<Wallet, 'budgets' | 'closeBudget'>;
}

/** See the head of this file. */
export class Connections {
  readonly #parts: Parts;
  /** Sites that have had something put to the user since this wallet host began. */
  readonly #asked = new Set<string>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Something is put to the user for a site. */
  noteAsked(site: Site): void {
    this.#asked.add(siteKey(site));
  }

  /** Returns whether a site has asked for anything: lately, or so that it was let in or paid. */
  async hasAsked(site: Site): Promise<boolean> {
    if (this.#asked.has(siteKey(site)) || (await this.#parts.host.records.grant(site)) !== null) return true;
    const paid = await payingSites(this.#parts.store);
    return [...paid.values()].some((one) => siteKey(one) === siteKey(site));
  }

  /** Returns the sites that the user let in. */
  async list(): Promise<ConnectedSite[]> {
    const { records } = this.#parts.host;
    const sites = await records.granted();
    return Promise.all(
      sites.map(async (site) => ({ ...site, balance: (await records.grant(site))?.balance ?? false })),
    );
  }

  /** Takes back what a site may do. Its streams are paid what they are owed, and end. */
  async disconnect(site: Site): Promise<true> {
    const { host, sites, streams, open } = this.#parts;
    await streams.endOf(site);
    const budget = budgetOf(await open().budgets(), site);
    if (budget !== undefined && !budget.closed) await open().closeBudget(budget.id);
    await host.records.revoke(site);
    this.#asked.delete(siteKey(site));
    sites.disconnected(site);
    return true;
  }

  /** Returns which site had which payment made, by its id. */
  async payers(): Promise<[string, string][]> {
    const sites = await payingSites(this.#parts.store);
    return [...sites].map(([id, { origin, topLevel }]) => [
      id,
      origin === topLevel ? origin : `${origin} in ${topLevel}`,
    ]);
  }

  /** The wallet was deleted, and what is kept about sites with it: deletes also what an earlier release kept. */
  async forget(): Promise<true> {
    await this.#parts.former.delete();
    return true;
  }
}

const siteKey = ({ origin, topLevel }: Site): string => `${origin} ${topLevel}`;
