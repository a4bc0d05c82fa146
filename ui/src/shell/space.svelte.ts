/** True if there is room to write. A browser whose disk runs full may drop what a site has stored, all of it: nobody should get there. */

/** Bytes below which it is said; browsers count what they leave to the system as taken. */
const LOW = 64n * 1024n * 1024n;
/** Ms between two looks. */
const LOOK_MS = 60_000;

class Space {
  low = $state(false);

  /** Begins to look; returns how to end it. */
  watch(): () => void {
    const look = (): void => void this.#look();
    const timer = setInterval(look, LOOK_MS);
    look();
    return () => clearInterval(timer);
  }

  async #look(): Promise<void> {
    const { quota, usage = 0 } = await navigator.storage.estimate();
    this.low = quota !== undefined && BigInt(quota - usage) < LOW;
  }
}

export const space = new Space();
