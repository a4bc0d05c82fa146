/** The wallet's streams as sites use them, and as the user sees them. */

import { bindMethods } from '../../base/bound.ts';
import { FUNCTION } from '../../base/kinds.ts';
import { named, type Names } from '../../base/named.ts';
import type { SiteRecord } from '../../base/protocol.ts';
import { siteKey, STORE, type Site, type SiteStreams, type StreamRequest } from '../types.ts';
import { OPEN, siteRecords } from '../wallet-store.ts';
import type { StreamReport } from '../wire.ts';
import { Entry, sameSite, sameTerms, sessionKey } from './entry.ts';
import { StreamRecords, type StreamRecord } from './records.ts';
import type { OpenStream, StreamLike, StreamStateLike, WalletStreamsOptions } from './types.ts';

/** Interval, in ms, at which streams are looked at while one runs: meters count, and use is recorded. */
const LOOK_MS = 1_000;
/** Time, in ms, that a stream of an earlier run waits for its page to come back. */
const GRACE_MS = 10_000;
/** A site whose stream the user stopped asks before it begins another, for so long. */
const QUIET_MS = 30_000;

const OPTIONS: Names<WalletStreamsOptions> = {
  open: OPEN,
  budgetLeftMsat: FUNCTION,
  store: STORE,
  now: FUNCTION,
  every: FUNCTION,
};

/**
 * The streams that run here. Every method rejects with an error with a `code`, as the wallet's own: `invalidInput` for a stream that
 * is not the site's, `closed` for one that has ended.
 */
export class WalletStreams implements SiteStreams {
  readonly #options: WalletStreamsOptions;
  readonly #records: StreamRecords | null;
  readonly #now: () => number;
  /** By session. */
  readonly #entries = new Map<string, Entry>();
  /** Streams being started or found, by session. */
  readonly #starting = new Map<string, { readonly site: Site; readonly entry: Promise<Entry> }>();
  readonly #watchers = new Set<(site: Site, report: StreamReport) => void>();
  /** Times at which the user stopped a stream of a site. */
  readonly #turnedDown = new Map<string, number>();
  #resuming: Promise<void> = Promise.resolve();
  #endLooking: (() => void) | null = null;

  /**
   * Starts none.
   * @throws {WalletError} `invalidInput`
   */
  constructor(options: WalletStreamsOptions) {
    named('WalletStreams', options, OPTIONS, ['open', 'budgetLeftMsat']);
    bindMethods(this);
    this.#options = options;
    this.#records = options.store === undefined ? null : new StreamRecords(options.store);
    this.#now = options.now ?? Date.now;
  }

  /**
   * Starts one for the site in `authorization`, or finds the one of this site and session. Rejects with
   * `approvalNeeded` when the site has no budget, or the user has just stopped a stream of it; with `budgetRefused`
   * when the budget is empty.
   */
  async start({ authorization, ...request }: Parameters<SiteStreams['start']>[0]): Promise<StreamReport> {
    const { holder } = authorization;
    if (holder.kind !== 'site') throw failure('invalidInput', "a stream is a site's");
    const site = { origin: holder.origin, topLevel: holder.topLevel };
    await this.#resuming;
    const key = sessionKey(request);
    const other = this.#entries.get(key) ?? this.#starting.get(key);
    // The wallet has one record for a session: what one site pays is not another's.
    if (other !== undefined && !sameSite(other.site, site)) {
      // Who may not pay a session is not told either whether somebody does.
      await this.#requireBudget(site);
      throw failure('invalidInput', 'The session cannot be paid: give it another name.');
    }
    const starting =
      this.#starting.get(key)?.entry ?? this.#join(site, request).finally(() => this.#starting.delete(key));
    this.#starting.set(key, { site, entry: starting });
    return (await starting).report();
  }

  /** The user was asked. */
  allow(site: Site): void {
    this.#turnedDown.delete(siteKey(site));
  }

  /** Counts so many units; resolves when the site's credit covers them. */
  async add(site: Site, streamId: string, units: number): Promise<StreamReport> {
    const entry = this.#find(site, streamId);
    const { perUnitMsat } = entry.request;
    if (perUnitMsat === 0n) throw failure('invalidInput', 'The stream was opened without a price for units.');
    if (entry.stream === null) throw failure('closed', 'The wallet is away; its stream continues when it is back.');
    const costMsat = BigInt(units) * perUnitMsat;
    entry.waitingMsat += costMsat;
    try {
      await entry.stream.add(BigInt(units));
    } finally {
      entry.waitingMsat -= costMsat;
    }
    await this.#look(entry);
    return entry.report();
  }

  /** Does what the site wants; a pause of the user's stays. */
  async control(
    site: Site,
    streamId: string,
    action: 'pause' | 'resume' | 'hide' | 'show' | 'stop',
  ): Promise<StreamReport> {
    const entry = this.#find(site, streamId);
    // What the user paused is not gone on with by another name.
    if (action === 'stop' && entry.holds.has('user')) this.#turnDown(site);
    if (action === 'stop') await this.#stop(entry);
    else if (action === 'pause' || action === 'resume') entry.hold('site', action === 'pause');
    else entry.hold('hidden', action === 'hide');
    return entry.report();
  }

  /** Returns the state of one. */
  async state(site: Site, streamId: string): Promise<StreamReport> {
    return this.#find(site, streamId).report();
  }

  /** Calls `listener` whenever a stream changed, and each second while it runs. Returns a function that ends that. */
  watch(listener: (site: Site, report: StreamReport) => void): () => void {
    this.#watchers.add(listener);
    return () => void this.#watchers.delete(listener);
  }

  /** Every stream that runs or is paused, for the user. */
  list(): OpenStream[] {
    const all = [...this.#entries.values()].filter(({ stopped }) => !stopped);
    return all.map((entry) => {
      const { site, request, holds } = entry;
      return { site, request, report: entry.report(), byUser: holds.has('user'), gone: holds.has('gone') };
    });
  }

  /**
   * Does what the user wants with one tap. Does nothing about a stream that has ended. Rejects with `closed` when the wallet
   * went away.
   */
  async byUser(streamId: string, action: 'pause' | 'resume' | 'stop'): Promise<void> {
    const entry = [...this.#entries.values()].find(({ id }) => id === streamId);
    if (!entry) return;
    if (action !== 'stop') return entry.hold('user', action === 'pause');
    this.#turnDown(entry.site);
    await this.#stop(entry);
  }

  /**
   * To be called each time the wallet was opened: streams that ran when it went away go on; those of an earlier run are paid what they
   * are owed, wait a moment for their page, and end. Rejects when the wallet went away again, or the store failed.
   */
  resume(): Promise<void> {
    const work = this.#resuming.then(() => this.#resume());
    this.#resuming = work.catch(() => {});
    return work;
  }

  async #resume(): Promise<void> {
    if (this.#records === null) return;
    const wallet = this.#options.open();
    const open = new Map<string, string>();
    for (const { id, direction, payee, stream } of await wallet.streams()) {
      if (direction === 'outbound' && payee !== null && stream?.open)
        open.set(sessionKey({ nodeId: payee, sessionId: stream.session }), id);
    }
    for (const [key, entry] of this.#entries) {
      if (entry.stream !== null || entry.ending !== null) continue;
      if (open.get(key) === entry.id) await this.#drive(entry, entry.usedMsat);
      else await this.#forget(entry);
    }
    for (const record of await this.#records.all()) await this.#wake(record, open);
    for (const [key, id] of open) if (!this.#entries.has(key) && !this.#starting.has(key)) await wallet.closeStream(id);
  }

  /** A stream of an earlier run: nobody uses it yet. */
  async #wake({ site, request, usedMsat }: StreamRecord, open: ReadonlyMap<string, string>): Promise<void> {
    const key = sessionKey(request);
    if (this.#entries.has(key) || this.#starting.has(key)) return;
    if (!open.has(key)) return this.#records?.delete(site, request);
    const entry = new Entry(site, request);
    entry.goneMs = this.#now();
    entry.holds.add('gone');
    entry.notedMsat = usedMsat;
    await this.#drive(entry, usedMsat);
  }

  async #join(site: Site, request: StreamRequest): Promise<Entry> {
    const known = this.#entries.get(sessionKey(request));
    const runs = known !== undefined && known.ending === null && !known.holds.has('gone');
    if (!runs && this.#now() - (this.#turnedDown.get(siteKey(site)) ?? -Infinity) < QUIET_MS) {
      throw Object.assign(failure('approvalNeeded', 'You have just stopped a stream of this site.'), { stopped: true });
    }
    if (known !== undefined && known.ending === null && sameTerms(known.request, request)) {
      if (known.stream === null) await this.#drive(known, known.usedMsat);
      known.goneMs = Infinity;
      known.hold('gone', false);
      return known;
    }
    if (known !== undefined) await this.#end(known);
    return this.#begin(new Entry(site, request));
  }

  #turnDown(site: Site): void {
    this.#turnedDown.set(siteKey(site), this.#now());
  }

  async #begin(entry: Entry): Promise<Entry> {
    const { site, request } = entry;
    await this.#requireBudget(site);
    // With its opening, so that whatever is open is known.
    const noted = this.#records?.noted({ site, request, usedMsat: 0n });
    await this.#drive(entry, 0n, noted === undefined ? [] : siteRecords([noted]));
    return entry;
  }

  async #requireBudget(site: Site): Promise<void> {
    const left = await this.#options.budgetLeftMsat(site);
    if (left === null) throw failure('approvalNeeded', 'The site has no budget: give it one to stream from.');
    if (left === 0n) throw failure('budgetRefused', 'The budget of this site is empty for now.');
  }

  /** Has the wallet pay it from here on. */
  async #drive(entry: Entry, usedMsat: bigint, records: SiteRecord[] = []): Promise<void> {
    const { nodeId, sessionId, ratePerSecondMsat, perUnitMsat, creditMsat } = entry.request;
    const stream = await this.#options.open().stream({
      to: { nodeId, session: sessionId },
      ratePerSecondMsat,
      unitMsat: perUnitMsat,
      creditMsat,
      authorization: {
        holder: { kind: 'site', ...entry.site },
        purpose: 'stream',
        ...(records.length > 0 && { records }),
      },
      // Whether the site's page is hidden is not known here; the page says.
      pauseWhenHidden: false,
      ...(usedMsat > 0n && { usedMsat }),
    });
    entry.stream = stream;
    entry.id = stream.id;
    if (entry.holds.size > 0) stream.pause();
    this.#entries.set(sessionKey(entry.request), entry);
    stream.onChange((state) => this.#changed(entry, stream, state));
    const every = this.#options.every ?? timer;
    this.#endLooking ??= every(LOOK_MS, () => this.#lookAtAll());
  }

  #changed(entry: Entry, stream: StreamLike, state: StreamStateLike): void {
    if (entry.stream !== stream) return;
    entry.last = state;
    if (state.ended && (entry.ending !== null || this.#records === null)) entry.stopped = true;
    else if (state.ended) this.#lose(entry);
    this.#notify(entry);
    if (entry.stopped && entry.ending === null) this.#remove(entry);
  }

  /** Its wallet went away, or it was ended elsewhere: which of the two is seen when the wallet is there. */
  #lose(entry: Entry): void {
    entry.stream = null;
    this.resume().catch(() => {}); // not there: whoever opens it says so
  }

  /** Ends it, now or once what is owed can be paid. */
  async #stop(entry: Entry): Promise<void> {
    if (!entry.waitsForNetwork || entry.stream === null) return this.#end(entry);
    entry.goneMs = -Infinity;
    entry.hold('gone', true);
  }

  #end(entry: Entry): Promise<void> {
    entry.ending ??= this.#settle(entry);
    return entry.ending;
  }

  /** Settles and ends it. What the wallet cannot pay now because it went away stays recorded, and is paid when it is back. */
  async #settle(entry: Entry): Promise<void> {
    try {
      if (entry.stream === null) return;
      await entry.stream.stop();
      await this.#records?.delete(entry.site, entry.request);
    } finally {
      this.#remove(entry);
    }
  }

  async #forget(entry: Entry): Promise<void> {
    this.#remove(entry);
    await this.#records?.delete(entry.site, entry.request);
  }

  #remove(entry: Entry): void {
    const key = sessionKey(entry.request);
    if (this.#entries.get(key) === entry) this.#entries.delete(key);
    entry.stopped = true;
    this.#notify(entry);
    if (this.#entries.size > 0) return;
    this.#endLooking?.();
    this.#endLooking = null;
  }

  #lookAtAll(): void {
    for (const entry of this.#entries.values()) {
      this.#look(entry).catch(() => {}); // noted again with the next look
      if (this.#now() - entry.goneMs >= GRACE_MS && !entry.waitsForNetwork) this.#end(entry).catch(() => {});
    }
  }

  /** Sees how it stands, tells it, and records what was used. */
  async #look(entry: Entry): Promise<void> {
    if (entry.stream === null || entry.stopped) return;
    entry.last = entry.stream.state;
    this.#notify(entry);
    const { site, request, usedMsat } = entry;
    if (this.#records === null || usedMsat <= entry.notedMsat) return;
    entry.notedMsat = usedMsat;
    await this.#records.set({ site, request, usedMsat });
  }

  #notify(entry: Entry): void {
    const report = entry.report();
    const text = JSON.stringify(report);
    if (text === entry.reported) return;
    entry.reported = text;
    for (const watcher of this.#watchers) watcher(entry.site, report);
  }

  #find(site: Site, streamId: string): Entry {
    for (const entry of this.#entries.values()) if (entry.id === streamId && sameSite(entry.site, site)) return entry;
    throw failure('invalidInput', 'there is no such stream');
  }
}

function timer(ms: number, work: () => void): () => void {
  const running = setInterval(work, ms);
  return () => clearInterval(running);
}

/** An error as the wallet's own are. */
const failure = (code: string, message: string): Error & { readonly code: string } =>
  Object.assign(new Error(message), { code });
