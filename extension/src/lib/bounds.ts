/** Bounds of what a page can have waiting: in its own process, and again in the wallet's. */

import type { SiteCall } from 'amplet/provider';

/** Calls of one frame that may wait for an answer. */
const MAX_CALLS = 256;
/** Longest call, in characters of JSON: an invoice is far shorter. */
const MAX_LENGTH = 66_000;

/** Counts the calls of a frame that wait. */
export class Bounds {
  #running = 0;

  /** Returns why a call is turned away; `null`: it is counted, until {@link ended}. */
  refuses(call: SiteCall): string | null {
    if (this.#running >= MAX_CALLS) return 'Too many calls at once: wait for their answers.';
    if (JSON.stringify(call).length > MAX_LENGTH) return 'The arguments are too long.';
    this.#running += 1;
    return null;
  }

  /** One was answered. */
  ended(): void {
    this.#running = Math.max(0, this.#running - 1);
  }

  /** None waits any more. */
  clear(): void {
    this.#running = 0;
  }
}
