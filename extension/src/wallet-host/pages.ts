/** Pages that cost money: the provider's machine, with the wallet unlocked where it must be. */

import {
  siteOf,
  TopLevel402,
  type NavigationResponse,
  type Receipt,
  type SiteHost,
  type SiteWallet,
  type Store,
} from 'amplet/provider';
import type { RunTask } from './wallet-host.ts';
import type { Sites } from './sites.ts';

/** Schemes that a Lightning wallet can meet. */
const OURS = /\b(?:l402|lsat|payment)\b/i;

export class Pages {
  readonly #machine: TopLevel402;
  readonly #sites: Sites;
  readonly #runTask: RunTask;
  readonly #tabs = new Map<number, AbortController>();

  constructor(host: SiteHost, wallet: SiteWallet, store: Store, sites: Sites, runTask: RunTask) {
    this.#machine = new TopLevel402({ payments: host.payments, wallet, store });
    this.#sites = sites;
    this.#runTask = runTask;
  }

  /** Takes up what was being paid for when the wallet host died. To be called when the wallet is open. */
  async resume(): Promise<void> {
    for (const step of await this.#machine.resume()) await this.#runTask({ to: 'browser', ask: 'step', step });
  }

  async observe(response: NavigationResponse): Promise<void> {
    this.#tabs.get(response.tabId)?.abort(); // what was asked about the tab's last page
    const gone = new AbortController();
    this.#tabs.set(response.tabId, gone);
    if (wantsMoney(response)) await this.#unlocked(response, gone.signal);
    const step = await this.#machine.observe(response, gone.signal);
    if (this.#tabs.get(response.tabId) === gone) this.#tabs.delete(response.tabId);
    await this.#runTask({ to: 'browser', ask: 'step', step });
  }

  async tabGone(tabId: number): Promise<void> {
    this.#tabs.get(tabId)?.abort();
    await this.#machine.closed(tabId);
  }

  /** Returns what was paid for and not delivered. */
  receipts(): Promise<Receipt[]> {
    return this.#machine.undelivered();
  }

  forget(paymentHash: string): Promise<void> {
    return this.#machine.forget(paymentHash);
  }

  async #unlocked({ url, tabId }: NavigationResponse, gone: AbortSignal): Promise<void> {
    const { origin } = new URL(url);
    const site = siteOf({ origin, topLevelOrigin: origin, tabId, frameId: 0 });
    if (site !== null) await this.#sites.unlocked(site, gone);
  }
}

const wantsMoney = ({ statusCode, headers, ahead }: NavigationResponse): boolean =>
  statusCode === 402 &&
  ahead !== true &&
  headers.some(({ name, value }) => name.toLowerCase() === 'www-authenticate' && OURS.test(value ?? ''));
