/** The user's attention: one question at a time for each page, a few may wait, and whoever nags is not heard. */

import { KeyedMutex } from '../../base/keyed-mutex.ts';
import { ProviderError, rejected } from '../errors.ts';
import { siteKey, type Ask, type Decision, type PromptRequest, type Range } from '../types.ts';

/** Most questions of one site that wait, the one that is shown included. */
const MAX_FOR_SITE = 4;
/** Most questions that wait for one page in the address bar, its frames' included. */
const MAX_FOR_PAGE = 8;
/** After so many noes in a row the site is not heard for a while. */
const MAX_REFUSALS = 3;
/** Time, in milliseconds, for which it is not heard. */
const QUIET_MS = 30_000;

/** The yes of an answer. */
export type Allowed = Extract<Decision, { allowed: true }>;

/** Asks the user on behalf of sites. */
export class Prompts {
  readonly #ask: Ask;
  readonly #now: () => number;
  readonly #waiting = new Map<string, number>();
  /** One request at a time for each page in the address bar. */
  readonly #mutex = new KeyedMutex();
  readonly #refusals = new Map<string, { inARow: number; last: number }>();

  /** `now` in milliseconds since the UNIX epoch. */
  constructor(ask: Ask, now: () => number) {
    this.#ask = ask;
    this.#now = now;
  }

  /**
   * Asks when it is this page's turn.
   * @throws {ProviderError} `RejectionError`: the user said no, the site went away, or there is too much to ask
   */
  async ask(question: PromptRequest, signal: AbortSignal): Promise<Allowed> {
    const { site } = question;
    const key = siteKey(site);
    this.#refuseNagging(key);
    const places: [string, number][] = [
      [`site ${key}`, MAX_FOR_SITE],
      [`page ${site.topLevel}`, MAX_FOR_PAGE],
    ];
    for (const [place, most] of places) {
      if (this.#count(place) >= most)
        throw rejected('Too many questions wait for the user already: ask again when one is answered.');
    }
    for (const [place] of places) this.#waiting.set(place, this.#count(place) + 1);
    try {
      return await this.#mutex.run(site.topLevel, () => this.#put(question, key, signal));
    } finally {
      for (const [place] of places) this.#leave(place);
    }
  }

  async #put(question: PromptRequest, key: string, signal: AbortSignal): Promise<Allowed> {
    if (signal.aborted) throw rejected('The page went away.');
    // While it waited the user may have had enough.
    this.#refuseNagging(key);
    const answer = await this.#ask(question, signal);
    if (answer.allowed && !signal.aborted) {
      this.#refusals.delete(key);
      return answer;
    }
    if (!signal.aborted)
      this.#refusals.set(key, { inARow: (this.#refusals.get(key)?.inARow ?? 0) + 1, last: this.#now() });
    throw rejected('The user did not allow it.');
  }

  #refuseNagging(key: string): void {
    const refusals = this.#refusals.get(key);
    if (refusals === undefined) return;
    if (this.#now() - refusals.last >= QUIET_MS) this.#refusals.delete(key);
    else if (refusals.inARow >= MAX_REFUSALS) throw rejected('The user said no several times: ask again later.');
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
