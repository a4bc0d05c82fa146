/** A stream of a site as {@link WalletStreams} keeps it: with who holds it, also while the wallet is away. */

import { siteKey, type Site, type StreamRequest } from '../types.ts';
import type { StreamReport } from '../wire.ts';
import type { StreamLike, StreamStateLike } from './types.ts';

/** Who wants it to stand still: the site, a page that nobody sees, the user; or no page uses it any more. */
export type Hold = 'site' | 'hidden' | 'user' | 'gone';

const NOTHING: StreamStateLike = { paidMsat: 0n, owedMsat: 0n, paused: 'offline', ended: false };

/** See the head of this file. */
export class Entry {
  readonly site: Site;
  readonly request: StreamRequest;
  readonly holds = new Set<Hold>();
  /** Its id in the history, once it was opened. */
  id = '';
  /** What drives it; `null` while the wallet is away. */
  stream: StreamLike | null = null;
  /** Its last state. */
  last = NOTHING;
  /** What units cost that were asked for and not given yet, in msat. */
  waitingMsat = 0n;
  /** What its note says, in msat. */
  notedMsat = 0n;
  /** Since when no page uses it, in ms since the UNIX epoch. */
  goneMs = Infinity;
  /** Runs once it is being stopped. */
  ending: Promise<void> | null = null;
  /** Whether it has ended for good. */
  stopped = false;
  /** What was told of it last. */
  told = '';

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

  /** What was used and given so far, in msat. */
  get usedMsat(): bigint {
    return this.last.paidMsat + this.#unpaidMsat - this.waitingMsat;
  }

  get #unpaidMsat(): bigint {
    const { pendingMsat = 0n, owedMsat } = this.last;
    return pendingMsat + owedMsat;
  }

  /** Whether something is owed that cannot be paid before the wallet has a connection. */
  get waitsForNetwork(): boolean {
    return this.last.paused === 'offline' && this.last.owedMsat > 0n;
  }

  /** For the site, and for the user. */
  report(): StreamReport {
    const paidMsat = String(this.last.paidMsat);
    // A meter does not go back while a payment is on its way.
    const owedMsat = String(this.#unpaidMsat);
    const reason = this.stopped ? null : this.#reason();
    const state = this.stopped ? 'stopped' : reason === null ? 'running' : 'paused';
    return { streamId: this.id, sessionId: this.request.sessionId, state, reason, paidMsat, owedMsat };
  }

  #reason(): StreamReport['reason'] {
    const { paused } = this.last;
    if (this.stream === null) return 'offline';
    if (paused !== 'caller') return paused;
    return this.holds.has('user') ? 'user' : this.holds.has('hidden') ? 'hidden' : 'site';
  }
}

/** Whether a session is asked for on the terms that it has. */
export const sameTerms = (one: StreamRequest, other: StreamRequest): boolean =>
  one.ratePerSecondMsat === other.ratePerSecondMsat &&
  one.perUnitMsat === other.perUnitMsat &&
  one.creditMsat === other.creditMsat;

/** Names what is paid. The wallet has one line for it, whichever site asks. */
export const sessionKey = ({ nodeId, sessionId }: Pick<StreamRequest, 'nodeId' | 'sessionId'>): string =>
  `${nodeId} ${sessionId}`;

/** Whether both are one site. */
export const sameSite = (one: Site, other: Site): boolean => siteKey(one) === siteKey(other);
