/** For sites: a stream of payments from the visitor's wallet, as time passes or as units are used. */

import type { StreamReport } from '../wire.ts';
import type { Webln } from './webln.ts';

/** On what terms a site is paid. */
export interface StreamTerms {
  /** The site's Lightning node, in hex. */
  readonly nodeId: string;
  /** The site's name for the session, 1 to 64 bytes: the payments carry it. */
  readonly sessionId: string;
  /** What a second costs, in millisatoshi. Give this, or `perUnitMsat`, or both. */
  readonly ratePerSecondMsat?: bigint;
  /** What a unit costs, in millisatoshi. */
  readonly perUnitMsat?: bigint;
  /** What the site lets be used before it is paid, in millisatoshi. */
  readonly creditMsat: bigint;
  /** Whether it pauses while the page is hidden; by default it does. */
  readonly pauseWhenHidden?: boolean;
}

/** What a meter shows. */
export interface StreamMeter {
  /** Whether money flows; a stopped stream stays so. */
  readonly state: StreamReport['state'];
  /** Why it does not. */
  readonly reason: StreamReport['reason'];
  /** What the site has got, in millisatoshi. */
  readonly paidMsat: bigint;
  /** What was used and is not paid yet, in millisatoshi. */
  readonly owedMsat: bigint;
}

/** A stream that a site opened. Every method rejects with the errors of WebLN. */
export interface SiteStream {
  /** How it stands, as last told. */
  readonly meter: StreamMeter;
  /** Calls `listener` with each change, now first. Returns a function that ends that. */
  onChange(listener: (meter: StreamMeter) => void): () => void;
  /** Uses so many units, by default 1. Resolves when the credit covers them: give what they are for then. */
  add(units?: number): Promise<void>;
  /** Pauses it; what is owed is paid. */
  pause(): Promise<void>;
  /** Goes on, unless it was the person who paused it. */
  resume(): Promise<void>;
  /** Pays what is owed and ends it. */
  stop(): Promise<void>;
  /** Asks the wallet how it stands: after a `ConnectionError`. */
  refresh(): Promise<void>;
}

/**
 * Opens a stream with an enabled provider, or joins the one of this session that runs.
 * @throws {Error} the errors of WebLN; `UnsupportedMethodError` by wallets that do not stream
 */
export async function openStream(webln: Pick<Webln, 'request' | 'on' | 'off'>, terms: StreamTerms): Promise<SiteStream> {
  const { pauseWhenHidden = true, ...params } = terms;
  const first = (await webln.request('stream.start', params)) as StreamReport;
  const { streamId } = first;
  const listeners = new Set<(meter: StreamMeter) => void>();
  let meter = meterOf(first);
  let unhide = (): void => {};
  const told = (report: unknown): void => {
    const seen = report as StreamReport;
    if (seen.streamId !== streamId || meter.state === 'stopped') return;
    meter = meterOf(seen);
    for (const listener of listeners) listener(meter);
    if (meter.state !== 'stopped') return;
    webln.off('stream', told);
    unhide();
  };
  const ask = async (method: string, more: object = {}): Promise<void> => told(await webln.request(`stream.${method}`, { streamId, ...more }));
  webln.on('stream', told);
  // What the site paused itself is not resumed because somebody looks.
  let paused = false;
  const look = async (hidden: boolean): Promise<void> => {
    if (!paused) await ask(hidden ? 'pause' : 'resume');
  };
  if (pauseWhenHidden) unhide = whileHidden(look);
  return {
    get meter() {
      return meter;
    },
    onChange(listener) {
      listeners.add(listener);
      listener(meter);
      return () => void listeners.delete(listener);
    },
    add: (units = 1) => ask('add', { units }),
    pause: () => ((paused = true), ask('pause')),
    resume: () => ((paused = false), ask('resume')),
    stop: () => ask('stop'),
    refresh: () => ask('state'),
  };
}

const meterOf = ({ state, reason, paidMsat, owedMsat }: StreamReport): StreamMeter => ({
  state,
  reason,
  paidMsat: BigInt(paidMsat),
  owedMsat: BigInt(owedMsat),
});

/** Calls `work` when the page is hidden and shown again. That the wallet is not there then is told by the next call. */
function whileHidden(work: (hidden: boolean) => Promise<void>): () => void {
  const look = (): void => void work(document.visibilityState === 'hidden').catch(() => {});
  document.addEventListener('visibilitychange', look);
  if (document.visibilityState === 'hidden') look();
  return () => document.removeEventListener('visibilitychange', look);
}
