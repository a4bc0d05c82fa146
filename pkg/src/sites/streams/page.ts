/** For sites: a stream of payments from the visitor's wallet, as time passes or as units are used. */

import { AMOUNT, FILLED, FLAG, having, must } from '../../base/kinds.ts';
import { named, type Names } from '../../base/named.ts';
import type { Webln } from '../webln/types.ts';
import type { StreamReport } from '../wire.ts';

/** On what terms a site is paid. */
export interface StreamTerms {
  /** The site's Lightning node, in hex. */
  readonly nodeId: string;
  /** The site's name for the session, 1 to 64 bytes: the payments carry it. */
  readonly sessionId: string;
  /** Price of a second, in millisatoshi. Give this, or `perUnitMsat`, or both. */
  readonly ratePerSecondMsat?: bigint | undefined;
  /** Price of a unit, in millisatoshi. */
  readonly perUnitMsat?: bigint | undefined;
  /** Credit: the amount that may be used before the site is paid, in millisatoshi. */
  readonly creditMsat: bigint;
  /** Set to `false` to go on while the page is hidden; by default it pauses. */
  readonly pauseWhenHidden?: boolean | undefined;
}

const TERMS: Names<StreamTerms> = {
  nodeId: FILLED,
  sessionId: FILLED,
  ratePerSecondMsat: AMOUNT,
  perUnitMsat: AMOUNT,
  creditMsat: AMOUNT,
  pauseWhenHidden: FLAG,
};

/** State of a meter. */
export interface StreamMeter {
  /** Tells whether money flows; a stopped stream stays so. */
  readonly state: StreamReport['state'];
  /** Reason for which it does not. */
  readonly reason: StreamReport['reason'];
  /** Amount that the site has received, in millisatoshi. */
  readonly paidMsat: bigint;
  /** Amount used and not paid yet, in millisatoshi. */
  readonly owedMsat: bigint;
}

/** A stream that a site opened. Every method rejects with the errors of WebLN. */
export interface SiteStream {
  /** Its state, as last reported. */
  readonly meter: StreamMeter;
  /** Calls `listener` with each change, now first. Returns a function that ends that. */
  onChange(listener: (meter: StreamMeter) => void): () => void;
  /** Uses so many units, by default 1. Resolves when the credit covers them: give what they are for then. */
  add(units?: number): Promise<void>;
  /** Pauses it; what is owed is paid. */
  pause(): Promise<void>;
  /** Goes on, unless it was the user who paused it. */
  resume(): Promise<void>;
  /** Pays what is owed and ends it. */
  stop(): Promise<void>;
  /** Asks the wallet how it stands: after a `ConnectionError`. */
  refresh(): Promise<void>;
}

/**
 * Opens a stream with an enabled provider, or joins the one of this session that runs. When the wallet goes away and comes back, the
 * stream continues.
 * @throws {WalletError} `invalidInput`
 * @throws {Error} the errors of WebLN; `UnsupportedMethodError` by wallets that do not stream
 */
export async function openStream(
  webln: Pick<Webln, 'request' | 'on' | 'off'>,
  terms: StreamTerms,
): Promise<SiteStream> {
  must('webln', webln, having('an enabled provider that streams, such as `window.webln`', 'request', 'on', 'off'));
  named('openStream', terms, TERMS, ['nodeId', 'sessionId', 'creditMsat']);
  const stream = new PageStream(webln, terms);
  await stream.begin();
  return stream;
}

/** See {@link SiteStream}. */
class PageStream implements SiteStream {
  readonly #webln: Pick<Webln, 'request' | 'on' | 'off'>;
  readonly #terms: StreamTerms;
  readonly #listeners = new Set<(meter: StreamMeter) => void>();
  #streamId = '';
  #meter: StreamMeter = { state: 'paused', reason: 'offline', paidMsat: 0n, owedMsat: 0n };
  /** Set when the site paused it: that is not resumed because somebody looks. */
  #paused = false;
  #beginning = false;
  #unhide = (): void => {};

  constructor(webln: Pick<Webln, 'request' | 'on' | 'off'>, terms: StreamTerms) {
    this.#webln = webln;
    this.#terms = terms;
  }

  get meter(): StreamMeter {
    return this.#meter;
  }

  onChange(listener: (meter: StreamMeter) => void): () => void {
    this.#listeners.add(listener);
    listener(this.#meter);
    return () => void this.#listeners.delete(listener);
  }

  async begin(): Promise<void> {
    await this.#start();
    this.#webln.on('stream', this.#told);
    this.#webln.on('lost', this.#lost);
    if (this.#terms.pauseWhenHidden ?? true) this.#unhide = whileHidden(this.#look);
  }

  async add(units = 1): Promise<void> {
    await this.#ask('add', { units });
  }

  async pause(): Promise<void> {
    this.#paused = true;
    await this.#ask('pause');
  }

  async resume(): Promise<void> {
    this.#paused = false;
    await this.#ask('resume');
  }

  async stop(): Promise<void> {
    await this.#ask('stop');
  }

  async refresh(): Promise<void> {
    await this.#ask('state');
  }

  async #start(): Promise<void> {
    const first = (await this.#webln.request('stream.start', this.#terms)) as StreamReport;
    this.#streamId = first.streamId;
    this.#told(first);
  }

  async #ask(method: string, more: object = {}): Promise<void> {
    this.#told(await this.#webln.request(`stream.${method}`, { streamId: this.#streamId, ...more }));
  }

  readonly #told = (report: unknown): void => {
    const seen = report as StreamReport;
    if (seen.streamId === this.#streamId) this.#set(meterOf(seen));
  };

  /** The wallet went away. Asked again it comes back, if it does at all. */
  readonly #lost = (): void => {
    if (this.#beginning || this.#meter.state === 'stopped') return;
    this.#beginning = true;
    this.#set({ ...this.#meter, state: 'paused', reason: 'offline' });
    this.#again()
      .catch(() => this.#set({ ...this.#meter, state: 'stopped', reason: null }))
      .finally(() => (this.#beginning = false));
  };

  async #again(): Promise<void> {
    await this.#start();
    const hidden = (this.#terms.pauseWhenHidden ?? true) && document.visibilityState === 'hidden';
    if (this.#paused || hidden) await this.#ask('pause');
  }

  readonly #look = async (hidden: boolean): Promise<void> => {
    if (!this.#paused) await this.#ask(hidden ? 'pause' : 'resume');
  };

  #set(meter: StreamMeter): void {
    if (this.#meter.state === 'stopped') return;
    this.#meter = meter;
    for (const listener of this.#listeners) listener(meter);
    if (meter.state !== 'stopped') return;
    this.#webln.off('stream', this.#told);
    this.#webln.off('lost', this.#lost);
    this.#unhide();
  }
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
