/**
 * The user's attention: one question at a time for each page, a few may wait, nobody asks from a tab that is not looked at, and
 * whoever nags is not heard, each time for longer.
 */

import { KeyedMutex } from '../../base/keyed-mutex.ts';
import { ProviderError, rejected } from '../errors.ts';
import { partyOf } from '../origin.ts';
import { siteKey, type Ask, type Decision, type PromptRequest, type Range, type Site } from '../types.ts';
import { Views } from './views.ts';

/** Most questions of one site that wait, the one that is shown included. */
const MAX_FOR_SITE = 4;
/** Most questions that wait for one page in the address bar, its frames' included. */
const MAX_FOR_PAGE = 8;
/** After so many noes in a row a party (the pages of one domain, their frames' included) is not heard for a while. */
const MAX_REFUSALS = 3;
/** Time, in milliseconds, for which it is not heard; twice as long with each further no. */
const QUIET_MS = 30_000;
/** Maximum of that. */
const MAX_QUIET_MS = 3_600_000;
/** Time, in milliseconds, after which noes are forgotten, once it is heard again. */
const FORGET_MS = 3_600_000;

/** The yes of an answer. */
export type Allowed = Extract<Decision, { allowed: true }>;

/** Asks the user on behalf of sites. */
export class Prompts {
  readonly #ask: Ask;
  readonly #now: () => number;
  readonly #waiting = new Map<string, number>();
  /** One request at a time for each page in the address bar. */
  readonly #mutex = new KeyedMutex();
  /** By party. */
  readonly #refusals = new Map<string, Refusals>();
  readonly #views = new Views();

  /** `now` in milliseconds since the UNIX epoch. */
  constructor(ask: Ask, now: () => number) {
    this.#ask = ask;
    this.#now = now;
  }

  /** Notes whether the user sees the frame that `signal` stands for. Until it is said, a frame is seen. */
  seen(signal: AbortSignal, visible: boolean): void {
    this.#views.set(signal, visible);
  }

  /**
   * Asks when it is this page's turn and the user looks at it.
   * @throws {ProviderError} `RejectionError`: the user said no, the site went away, or there is too much to ask
   */
  async ask(question: PromptRequest, signal: AbortSignal): Promise<Allowed> {
    const answer = await this.#inTurn(question, signal);
    if (answer.allowed) return answer;
    throw rejected('The user did not allow it.');
  }

  /**
   * Shows what the site is to be told, in its turn as {@link ask}; resolves when the user has seen it. A no counts as one: whoever
   * has it shown again and again is not heard.
   * @throws {ProviderError} `RejectionError`: it was not shown
   */
  async tell(question: PromptRequest, signal: AbortSignal): Promise<void> {
    await this.#inTurn(question, signal);
  }

  async #inTurn(question: PromptRequest, signal: AbortSignal): Promise<Decision> {
    const { site } = question;
    this.#refuseNagging(site);
    const places: [string, number][] = [
      [`site ${siteKey(site)}`, MAX_FOR_SITE],
      [`page ${site.topLevel}`, MAX_FOR_PAGE],
    ];
    for (const [place, most] of places) {
      if (this.#count(place) >= most)
        throw rejected('Too many questions wait for the user already: ask again when one is answered.');
    }
    for (const [place] of places) this.#waiting.set(place, this.#count(place) + 1);
    try {
      await this.#views.untilSeen(signal);
      return await this.#mutex.run(site.topLevel, () => this.#put(question, signal));
    } finally {
      for (const [place] of places) this.#leave(place);
    }
  }

  /**
   * Shows the user what is theirs to read, whatever the site asked before and whether or not it is still there. Returns whether they
   * said that they read it. Rejects when no window came.
   */
  async show(question: PromptRequest): Promise<boolean> {
    const never = new AbortController().signal;
    return (await this.#mutex.run(question.site.topLevel, () => this.#ask(question, never))).allowed;
  }

  async #put(question: PromptRequest, signal: AbortSignal): Promise<Decision> {
    if (signal.aborted) throw rejected('The page went away.');
    const { site } = question;
    // While it waited the user may have had enough.
    this.#refuseNagging(site);
    const answer = await this.#ask(question, signal);
    // A page that went away was not refused: the next one of its site is heard.
    if (signal.aborted) throw rejected('The page went away.');
    const party = partyOf(site.topLevel);
    if (answer.allowed) this.#refusals.delete(party);
    else this.#refusals.set(party, { inARow: (this.#refusals.get(party)?.inARow ?? 0) + 1, last: this.#now() });
    return answer;
  }

  #refuseNagging({ topLevel }: Site): void {
    const party = partyOf(topLevel);
    const refusals = this.#refusals.get(party);
    if (refusals === undefined) return;
    const [since, quiet] = [this.#now() - refusals.last, quietMs(refusals)];
    if (since < quiet) throw rejected('The user said no several times: ask again later.');
    if (since >= quiet + FORGET_MS) this.#refusals.delete(party);
  }

  #count(place: string): number {
    return this.#waiting.get(place) ?? 0;
  }

  #leave(place: string): void {
    const left = this.#count(place) - 1;
    if (left > 0) this.#waiting.set(place, left);
    else this.#waiting.delete(place);
  }
}

/** Noes of the user to one party. */
interface Refusals {
  readonly inARow: number;
  /** Time of the last, in milliseconds since the UNIX epoch. */
  readonly last: number;
}

function quietMs({ inARow }: Refusals): number {
  if (inARow < MAX_REFUSALS) return 0;
  return Math.min(QUIET_MS * 2 ** (inARow - MAX_REFUSALS), MAX_QUIET_MS);
}

/**
 * The amount that the user chose, which the prompt's window has kept within the range.
 * @throws {ProviderError} `InternalError` when the window let another amount through
 */
export function chosen({ amountMsat }: Allowed, { minMsat, maxMsat }: Range): bigint | null {
  if (amountMsat === undefined) return null;
  if (amountMsat <= 0n || amountMsat < (minMsat ?? 0n) || (maxMsat !== null && amountMsat > maxMsat)) {
    throw new ProviderError('InternalError', 'The wallet took an amount that was not to be chosen; nothing was done.');
  }
  return amountMsat;
}
