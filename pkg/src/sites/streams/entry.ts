/** A stream of a site as {@link WalletStreams} keeps it: with who holds it, also while the wallet is away. */

import { siteKey, type Site, type StreamRequest } from '../types.ts';
import type { StreamReport } from '../wire.ts';
import type { StreamLike, StreamStateLike } from './types.ts';

/** Holder of a pause: the site, a page that nobody sees, the user; or no page uses it any more. */
export type Hold = 'site' | 'hidden' | 'user' | 'gone';

const NOTHING: StreamStateLike = { paidMsat: 0n, owedMsat: 0n, paused: 'offline', ended: false };

/** See the head of this file. */
export class Entry {
  readonly site: Site;
  readonly request: StreamRequest;
  readonly holds = new Set<Hold>();
  /** Its id in the history, once it was opened. */
  id = '';
  /** Stream of the wallet that drives it; `null` while the wallet is away. */
  stream: StreamLike | null = null;
  /** Its last state. */
  last = NOTHING;
  /** Cost of units that were asked for and not given yet, in msat. */
  waitingMsat = 0n;
  /** Recorded use, in msat. */
  notedMsat = 0n;
  /** Since when no page uses it, in ms since the UNIX epoch. */
  goneMs = Infinity;
  /** Runs once it is being stopped. */
  ending: Promise<void> | null = null;
  /** True when it has ended. */
  stopped = false;
  /** Last report, as JSON. */
  reported = '';

  constructor(site: Site, request: StreamRequest) {
    this.site = site;
    this.request = request;
  }

  /** Holds it or lets go. It runs when nobody holds it. */
  hold(by: Hold, is: boolean): void {
    if (is) this.holds.add(by);
    else this.holds.delete(by);
    this.obey();
  }

  /** Has what drives it do what those who hold it want. */
  obey(): void {
    if (this.holds.size > 0) this.stream?.pause();
    else this.stream?.resume();
  }

  /** Amount used and given so far, in msat. */
  get usedMsat(): bigint {
    return this.last.paidMsat + this.#unpaidMsat - this.waitingMsat;
  }

  get #unpaidMsat(): bigint {
    const { pendingMsat = 0n, owedMsat } = this.last;
    return pendingMsat + owedMsat;
  }

  /** Returns whether something is owed that cannot be paid before the wallet has a connection. */
  get waitsForNetwork(): boolean {
    return this.last.paused === 'offline' && this.last.owedMsat > 0n;
  }

  /** For the site, and for the user. */
  report(): StreamReport {
    const paidMsat = String(this.last.paidMsat);
    // A meter does not go back while a payment is in flight.
    const owedMsat = String(this.#unpaidMsat);
    const reason = this.stopped ? null : this.#reason();
    const state = this.stopped ? 'stopped' : reason === null ? 'running' : 'paused';
    return { streamId: this.id, sessionId: this.request.sessionId, state, reason, paidMsat, owedMsat };
  }

  #reason(): StreamReport['reason'] {
    const { paused, error } = this.last;
    if (this.stream === null) return 'offline';
    if (paused === 'failing' && error?.code === 'insufficientBalance') return 'balance';
    if (paused !== 'caller') return paused;
    return this.holds.has('user') ? 'user' : this.holds.has('hidden') ? 'hidden' : 'site';
  }
}

/** Returns whether a session is asked for on the terms that it has. */
export const sameTerms = (one: StreamRequest, other: StreamRequest): boolean =>
  one.ratePerSecondMsat === other.ratePerSecondMsat &&
  one.perUnitMsat === other.perUnitMsat &&
  one.creditMsat === other.creditMsat;

/** Names what is paid. The wallet has one record for it, whichever site asks. */
export const sessionKey = ({ nodeId, sessionId }: Pick<StreamRequest, 'nodeId' | 'sessionId'>): string =>
  `${nodeId} ${sessionId}`;

/** Returns whether both are one site. */
export const sameSite = (one: Site, other: Site): boolean => siteKey(one) === siteKey(other);
