/** Streams of sites: told to their pages, shown to the user with one tap to stop, and on the badge. */

import {
  WalletStreams,
  type SiteWallet,
  type Store,
  type StreamReport,
  type StreamStarter,
  type Site,
} from 'amplet/provider';
import type { Badge } from './badge.ts';
import type { FromWatch, ToWatch } from '../lib/messages.ts';

interface Parts {
  /** The wallet that is open now; throws while it is locked. */
  open: () => StreamStarter;
  wallet: SiteWallet;
  store: Store;
  badge: Badge;
  /** Tells the pages of a site how their stream stands. */
  notify: (site: Site, report: StreamReport) => void;
}

export class Streams {
  /** The streams that sites reach. */
  readonly ofSites: WalletStreams;
  readonly #badge: Badge;
  /** Windows that show them. */
  readonly #watching = new Set<chrome.runtime.Port>();

  constructor({ open, wallet, store, badge, notify }: Parts) {
    this.#badge = badge;
    this.ofSites = new WalletStreams({ open, store, budgetLeftMsat: (site) => wallet.budgetLeftMsat(site) });
    this.ofSites.watch((site, report) => {
      notify(site, report);
      this.#show();
    });
  }

  /** The wallet was opened: streams go on, and what an earlier wallet host left unpaid is paid. */
  async resume(): Promise<void> {
    try {
      await this.ofSites.resume();
    } catch (error) {
      console.warn('streams', error); // the wallet ended meanwhile; opened again it is tried again
    }
    this.#show();
  }

  /** A window shows them. */
  attach(port: chrome.runtime.Port): void {
    this.#watching.add(port);
    port.onDisconnect.addListener(() => void this.#watching.delete(port));
    port.onMessage.addListener(({ streamId, action }: FromWatch) => {
      this.ofSites.byUser(streamId, action).then(
        () => this.#show(),
        (error: unknown) => console.warn('stream', error), // the wallet went away: it is settled when that is back
      );
    });
    this.#show();
  }

  #show(): void {
    const streams = this.ofSites.list();
    this.#badge.streams(streams.some(({ report }) => report.state === 'running'));
    for (const port of this.#watching) port.postMessage({ streams } satisfies ToWatch);
  }
}
