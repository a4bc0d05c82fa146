/** Pages that cost money: the provider's machine, with the wallet unlocked where it must be, for the tab in front only. */

import {
  siteOf,
  TopLevel402,
  type NavigationResponse,
  type Receipt,
  type SiteHost,
  type SiteWallet,
} from 'amplet/provider';
import type { RunTask } from './wallet-host.ts';
import type { Sites } from './sites.ts';
import type { ToWalletHost } from '../lib/messages.ts';

/** Schemes that a Lightning wallet can meet. */
const OURS = /\b(?:l402|lsat|payment)\b/i;

type Place = (ToWalletHost & { ask: 'navigation' })['place'];

/** A page that is being dealt with, in its tab. */
interface Visit {
  url: string;
  gone: AbortController;
  /** Resolves when the tab is in front, or gone. */
  shown: Promise<void>;
  show: () => void;
}

export class Pages {
  readonly #machine: TopLevel402;
  readonly #sites: Pick<Sites, 'unlocked'>;
  readonly #runTask: RunTask;
  readonly #visits = new Map<number, Visit>();

  constructor(host: Pick<SiteHost, 'payments'>, wallet: SiteWallet, sites: Pick<Sites, 'unlocked'>, runTask: RunTask) {
    this.#machine = new TopLevel402({ payments: host.payments, wallet });
    this.#sites = sites;
    this.#runTask = runTask;
  }

  /** Takes up what was being paid for when the wallet host died. To be called when the wallet is open. */
  async resume(): Promise<void> {
    for (const step of await this.#machine.resume()) await this.#runTask({ to: 'browser', ask: 'step', step });
  }

  /** A page came. Nothing is asked and nothing is paid for before its tab is in front, or once it is left. */
  async observe(response: NavigationResponse, place: Place): Promise<void> {
    const visit = newVisit(response.url);
    if (place === 'left') visit.gone.abort();
    else {
      this.tabLeft(response.tabId, null); // what was asked about the tab's last page
      this.#visits.set(response.tabId, visit);
    }
    if (place !== 'behind') visit.show();
    try {
      if (!wantsMoney(response) && response.authorized !== true) return;
      if (wantsMoney(response)) {
        await visit.shown;
        if (!(await this.#unlocked(response, visit.gone.signal))) return;
      }
      const step = await this.#machine.observe(response, visit.gone.signal);
      await this.#runTask({ to: 'browser', ask: 'step', step });
    } finally {
      if (this.#visits.get(response.tabId) === visit) this.#visits.delete(response.tabId);
    }
  }

  /** The tab begins to load something (`null`), or shows `url`: whatever waits for another page of it ends. */
  tabLeft(tabId: number, url: string | null): void {
    const visit = this.#visits.get(tabId);
    if (visit === undefined || (url !== null && bare(url) === bare(visit.url))) return;
    this.#visits.delete(tabId);
    visit.gone.abort();
    visit.show();
  }

  /** The tab has come to the front. */
  tabShown(tabId: number): void {
    this.#visits.get(tabId)?.show();
  }

  /** The tab is gone, with a credential that was on its way. */
  async tabGone(tabId: number): Promise<void> {
    await this.#machine.closed(tabId);
  }

  /** Returns what was paid for and not delivered. */
  receipts(): Promise<Receipt[]> {
    return this.#machine.undelivered();
  }

  forget(paymentHash: string): Promise<void> {
    return this.#machine.forget(paymentHash);
  }

  /** True if the wallet is open, or it is not for the user to open it for this page. */
  async #unlocked({ url, tabId }: NavigationResponse, gone: AbortSignal): Promise<boolean> {
    if (gone.aborted) return false;
    const { origin } = new URL(url);
    const site = siteOf({ origin, topLevelOrigin: origin, tabId, frameId: 0 });
    return site === null || ((await this.#sites.unlocked(site, gone)) && !gone.aborted);
  }
}

function newVisit(url: string): Visit {
  let show = (): void => {};
  const shown = new Promise<void>((resolve) => (show = resolve));
  return { url, gone: new AbortController(), shown, show };
}

const bare = (url: string): string => url.split('#', 1)[0] ?? '';

const wantsMoney = ({ statusCode, headers, ahead }: NavigationResponse): boolean =>
  statusCode === 402 &&
  ahead !== true &&
  headers.some(({ name, value }) => name.toLowerCase() === 'www-authenticate' && OURS.test(value ?? ''));
