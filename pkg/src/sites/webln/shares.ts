/** Shares the wallet among those who call it. */

/** Time, in milliseconds, for which a call counts as work: one that takes longer waits for the user or for a payee. */
const WORK_MS = 5_000;

/** A share: what is at work now, and what waits for that to end. */
interface Share {
  open: number;
  working: number;
  readonly waiting: (() => void)[];
}

/** Limits, for each key, how many calls are at work, and how many there are with those that wait. */
export class Shares {
  readonly #maxWorking: number;
  readonly #maxOpen: number;
  readonly #byKey = new Map<string, Share>();

  constructor(maxWorking: number, maxOpen: number) {
    this.#maxWorking = maxWorking;
    this.#maxOpen = maxOpen;
  }

  /** Runs `work` when it is its turn; `null`: there are too many calls, and nothing was done. */
  run<T>(key: string, work: () => Promise<T>): Promise<T> | null {
    const share = this.#byKey.get(key) ?? { open: 0, working: 0, waiting: [] };
    if (share.open >= this.#maxOpen) return null;
    this.#byKey.set(key, share);
    share.open += 1;
    return this.#run(share, work).finally(() => {
      share.open -= 1;
      if (share.open === 0) this.#byKey.delete(key);
    });
  }

  async #run<T>(share: Share, work: () => Promise<T>): Promise<T> {
    if (share.working < this.#maxWorking) share.working += 1;
    else await new Promise<void>((go) => share.waiting.push(go)); // whoever goes hands its place on
    let done = false;
    const leave = (): void => {
      if (done) return;
      done = true;
      const next = share.waiting.shift();
      if (next) next();
      else share.working -= 1;
    };
    const timer = setTimeout(leave, WORK_MS);
    try {
      return await work();
    } finally {
      clearTimeout(timer);
      leave();
    }
  }
}
