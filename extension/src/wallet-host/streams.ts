/** Streams of sites: told to their pages, shown to the user with one tap to stop, and on the badge. */

import {
  WalletStreams,
  type OpenStream,
  type SiteWallet,
  type StreamReport,
  type StreamStarter,
  type Site,
} from 'amplet/provider';
import type { Badge } from './badge.ts';
import type { Said } from './prompt-queue.ts';
import type { FromWatch, ToWatch } from '../lib/messages.ts';

interface Parts {
  /** The wallet that is open now; throws while it is locked. */
  open: () => StreamStarter;
  wallet: SiteWallet;
  badge: Badge;
  /** Tells the pages of a site how their stream stands. */
  notify: (site: Site, report: StreamReport) => void;
  /** Asks what is to be done about what holds it up, a budget or the balance, if it is for the user to say; `null`: it is not. */
  askStalled: (stream: OpenStream, gone: AbortSignal) => Promise<Said | null>;
}

export class Streams {
  /** The streams that sites reach. */
  readonly ofSites: WalletStreams;
  readonly #badge: Badge;
  /** Windows that show them. */
  readonly #watching = new Set<chrome.runtime.Port>();
  readonly #askStalled: Parts['askStalled'];
  /** Streams that their budget or the balance holds up, by id, until they run again or end: each is asked about once. */
  readonly #stalled = new Map<string, AbortController>();

  constructor({ open, wallet, badge, notify, askStalled }: Parts) {
    this.#badge = badge;
    this.#askStalled = askStalled;
    this.ofSites = new WalletStreams({
      open,
      store: wallet.store,
      budgetLeftMsat: (site) => wallet.budgetLeftMsat(site),
    });
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

  /** Ends the streams of a site. */
  async endOf({ origin, topLevel }: Site): Promise<void> {
    const its = this.ofSites.list().filter(({ site }) => site.origin === origin && site.topLevel === topLevel);
    await Promise.all(its.map(({ report }) => this.ofSites.byUser(report.streamId, 'stop')));
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
    const stalled = streams.filter(isStalled);
    this.#follow(stalled);
    this.#badge.streams({ runs: streams.some(({ report }) => report.state === 'running'), stalls: stalled.length > 0 });
    for (const port of this.#watching) port.postMessage({ streams } satisfies ToWatch);
  }

  #follow(stalled: readonly OpenStream[]): void {
    const ids = stalled.map(({ report }) => report.streamId);
    for (const [id, gone] of this.#stalled) {
      if (ids.includes(id)) continue;
      this.#stalled.delete(id);
      gone.abort();
    }
    for (const stream of stalled) {
      const { streamId } = stream.report;
      if (this.#stalled.has(streamId)) continue;
      const gone = new AbortController();
      this.#stalled.set(streamId, gone);
      this.#ask(stream, gone.signal).catch((error: unknown) => console.warn('stream', error)); // the wallet went away
    }
  }

  /** A no leaves it as it stands; the popup has the same to choose from. */
  async #ask(stream: OpenStream, gone: AbortSignal): Promise<void> {
    const said = await this.#askStalled(stream, gone);
    if (said === null || gone.aborted) return;
    if (said.decision.allowed) await this.ofSites.byUser(stream.report.streamId, 'resume');
    else if (said.stop) await this.ofSites.byUser(stream.report.streamId, 'stop');
  }
}

const isStalled = ({ report: { reason }, gone, byUser }: OpenStream): boolean =>
  (reason === 'budget' || reason === 'balance') && !gone && !byUser;
