/** The wallet's streams as sites use them, and as the person sees them. */

import { type Site, type SiteSpender, type SiteStreams, type StreamRequest, siteKey } from './host/types.ts';
import type { StreamReport } from './wire.ts';

/** How a stream of the wallet stands, as far as it is used. */
export interface StreamStateLike {
  /** What the payee has got, in msat. */
  readonly paidMsat: bigint;
  /** What was used and is neither paid nor on its way, in msat. */
  readonly owedMsat: bigint;
  /** Why it does not run; `null` while it runs, and after its end. */
  readonly paused: 'caller' | 'hidden' | 'offline' | 'purse' | 'failing' | 'credit' | null;
  /** Whether it has ended. */
  readonly ended: boolean;
}

/** A stream of the wallet (`wallet.stream()`), as far as it is used. */
export interface StreamLike {
  /** Its id in the history. */
  readonly id: string;
  /** How it stands now. */
  readonly state: StreamStateLike;
  /** Calls `listener` with each change of its state, now first. Returns a function that ends that. */
  onChange(listener: (state: StreamStateLike) => void): () => void;
  /** Uses so many units more. Resolves when the credit covers them; rejects with a `WalletError` when they are not charged. */
  add(units: bigint): Promise<void>;
  /** Pauses it; what is owed is paid. */
  pause(): void;
  /** Goes on. */
  resume(): void;
  /** Settles and ends it. Rejects with a `WalletError` when the wallet ended before. */
  stop(): Promise<unknown>;
}

/** What starts them: `Wallet` does. */
export interface StreamStarter {
  /**
   * Starts one `to` a `nodeId` (hex), which named the `session`; `ratePerSecondMsat`, `unitMsat` and `creditMsat` are its terms, `spender` names the purse that
   * pays, and `pauseWhenHidden` whether it pauses while the page that it runs in is hidden. Rejects with a `WalletError`.
   */
  stream(options: {
    /** Node id in hex, and the name of the session: `nodeId`, `session`. */
    to: { nodeId: string; session: string };
    ratePerSecondMsat: bigint;
    unitMsat: bigint;
    creditMsat: bigint;
    spender: SiteSpender;
    pauseWhenHidden: boolean;
  }): Promise<StreamLike>;
}

/** A stream as the person sees it. */
export interface OpenStream {
  /** Who is paid. */
  readonly site: Site;
  /** On what terms. */
  readonly request: StreamRequest;
  /** How it stands. */
  readonly report: StreamReport;
}

interface Entry {
  readonly site: Site;
  readonly request: StreamRequest;
  readonly stream: StreamLike;
  /** The person paused it: the site does not resume it. */
  byPerson: boolean;
}

/** What {@link WalletStreams} works with. */
export interface WalletStreamsOptions {
  /** The wallet that is open now; throws an error with the code `closed` while it is locked. */
  readonly open: () => StreamStarter;
  /** What the site's purse leaves, as `SiteWallet` says it: a site without a purse has no streams. Rejects as that does. */
  readonly purseLeftMsat: (site: Site) => Promise<bigint | null>;
}

/**
 * The streams that run here. Every method rejects with an error with a `code`, as the wallet's own: `invalidInput` for a stream that
 * is not the site's, `closed` for one that has ended.
 */
export class WalletStreams implements SiteStreams {
  readonly #options: WalletStreamsOptions;
  readonly #entries = new Map<string, Entry>();
  /** What is being started or found, by site and session. */
  readonly #starting = new Map<string, Promise<Entry>>();
  readonly #watchers = new Set<(site: Site, report: StreamReport) => void>();

  /** Starts none. */
  constructor(options: WalletStreamsOptions) {
    this.#options = options;
  }

  /** Starts one for the site in `spender`, or finds the one of this site and session. Rejects with `approvalNeeded` when the site has no purse. */
  async start({ spender, ...request }: StreamRequest & { readonly spender: SiteSpender }): Promise<StreamReport> {
    const { holder } = spender;
    if (holder.kind !== 'site') throw failure('invalidInput', 'a stream is a site\'s');
    const site = { origin: holder.origin, topLevel: holder.topLevel };
    const key = `${siteKey(site)} ${request.nodeId} ${request.sessionId}`;
    const running = [...this.#entries.values()].find((entry) => keyOf(entry) === key && !entry.stream.state.ended);
    if (running) return reportOf(running);
    const starting = this.#starting.get(key) ?? this.#begin(site, request, spender).finally(() => this.#starting.delete(key));
    this.#starting.set(key, starting);
    return reportOf(await starting);
  }

  /** Counts so many units; resolves when the site's credit covers them. */
  async add(site: Site, streamId: string, units: number): Promise<StreamReport> {
    const entry = this.#find(site, streamId);
    if (entry.request.perUnitMsat === 0n) throw failure('invalidInput', 'The stream was opened without a price for units.');
    await entry.stream.add(BigInt(units));
    return reportOf(entry);
  }

  /** What the site wants; a pause of the person's stays. */
  async control(site: Site, streamId: string, action: 'pause' | 'resume' | 'stop'): Promise<StreamReport> {
    const entry = this.#find(site, streamId);
    if (action === 'stop') await entry.stream.stop();
    else if (action === 'pause') entry.stream.pause();
    else if (!entry.byPerson) entry.stream.resume();
    return reportOf(entry);
  }

  /** How one stands. */
  async state(site: Site, streamId: string): Promise<StreamReport> {
    return reportOf(this.#find(site, streamId));
  }

  /** Calls `listener` whenever a stream changed. Returns a function that ends that. */
  watch(listener: (site: Site, report: StreamReport) => void): () => void {
    this.#watchers.add(listener);
    return () => void this.#watchers.delete(listener);
  }

  /** Every stream that runs or is paused, for the person. */
  list(): OpenStream[] {
    return [...this.#entries.values()].map((entry) => ({ site: entry.site, request: entry.request, report: reportOf(entry) }));
  }

  /** What the person wants: one tap. Does nothing about a stream that has ended. Rejects with `closed` when the wallet went away. */
  async byPerson(streamId: string, action: 'pause' | 'resume' | 'stop'): Promise<void> {
    const entry = this.#entries.get(streamId);
    if (!entry) return;
    entry.byPerson = action === 'pause';
    if (action === 'stop') await entry.stream.stop();
    else if (action === 'pause') entry.stream.pause();
    else entry.stream.resume();
  }

  async #begin(site: Site, request: StreamRequest, spender: SiteSpender): Promise<Entry> {
    const left = await this.#options.purseLeftMsat(site);
    if (left === null) throw failure('approvalNeeded', 'The site has no purse: give it one to stream from.');
    const { nodeId, sessionId, ratePerSecondMsat, perUnitMsat, creditMsat } = request;
    const to = { nodeId, session: sessionId };
    // Whether the site's page is hidden is not known here; the page says.
    const terms = { to, ratePerSecondMsat, unitMsat: perUnitMsat, creditMsat, spender, pauseWhenHidden: false };
    const stream = await this.#options.open().stream(terms);
    const entry: Entry = { site, request, stream, byPerson: false };
    this.#entries.set(stream.id, entry);
    let last = '';
    stream.onChange(({ ended }) => {
      if (ended) this.#entries.delete(stream.id);
      const report = reportOf(entry);
      const text = JSON.stringify(report);
      if (text !== last) for (const watcher of this.#watchers) watcher(site, report);
      last = text;
    });
    return entry;
  }

  #find(site: Site, streamId: string): Entry {
    const entry = this.#entries.get(streamId);
    if (entry === undefined || siteKey(entry.site) !== siteKey(site)) throw failure('invalidInput', 'there is no such stream');
    return entry;
  }
}

const keyOf = ({ site, request }: Entry): string => `${siteKey(site)} ${request.nodeId} ${request.sessionId}`;

function reportOf({ stream, request, byPerson }: Entry): StreamReport {
  const { paused, ended, paidMsat, owedMsat } = stream.state;
  const reason = paused === 'caller' ? (byPerson ? 'person' : 'site') : paused === 'hidden' ? 'site' : paused;
  return {
    streamId: stream.id,
    sessionId: request.sessionId,
    state: ended ? 'stopped' : paused === null ? 'running' : 'paused',
    reason: ended ? null : reason,
    paidMsat: String(paidMsat),
    owedMsat: String(owedMsat),
  };
}

/** An error as the wallet's own are. */
const failure = (code: string, message: string): Error & { readonly code: string } => Object.assign(new Error(message), { code });
