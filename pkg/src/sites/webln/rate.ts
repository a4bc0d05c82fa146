/** Limits the rate of something. */

/** Counts by key, from 0 in each window of time. */
export class Rate {
  readonly #most: number;
  readonly #windowMs: number;
  readonly #now: () => number;
  readonly #counts = new Map<string, number>();
  #from = 0;

  constructor(most: number, windowMs: number, now: () => number) {
    this.#most = most;
    this.#windowMs = windowMs;
    this.#now = now;
  }

  /** Returns whether it may be done once more, and counts it. */
  take(key: string): boolean {
    const now = this.#now();
    if (now - this.#from >= this.#windowMs || now < this.#from) {
      this.#counts.clear();
      this.#from = now;
    }
    const count = this.#counts.get(key) ?? 0;
    if (count >= this.#most) return false;
    this.#counts.set(key, count + 1);
    return true;
  }
}
