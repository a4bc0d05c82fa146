// Locks of one process, and the place for those that several processes share.

import type { HeldLock, LockRequest, Locks } from '../../engine/locks.ts';

/** Locks that processes share, so that a second one is refused (`inUse`) instead of taking the wallet from the first. */
export interface WalletLocks {
  /**
   * Takes the lock `name`, or resolves with `null` when it could not be had within `timeoutMs` milliseconds (0: only if it is
   * free). With `steal` it is taken at once from whoever has it, whose `lost` resolves. Rejects when locks fail altogether.
   */
  acquire(name: string, request: { timeoutMs: number; steal: boolean }): Promise<HeldLock | null>;
}

/** Exclusive locks among the wallets of this process. */
export class LocalLocks implements Locks {
  readonly #holders = new Map<string, { free: Promise<void>; lose: () => void }>();

  /** Takes the lock; `null`: it was not free in time. */
  async acquire(name: string, { timeout, steal = false }: LockRequest): Promise<HeldLock | null> {
    const deadline = Date.now() + timeout;
    for (let holder = this.#holders.get(name); holder !== undefined; holder = this.#holders.get(name)) {
      if (steal) {
        holder.lose();
        break;
      }
      const left = deadline - Date.now();
      if (left <= 0) return null;
      await within(left, holder.free);
    }
    return this.#hold(name);
  }

  /** Resolves when nobody holds the lock; rejects when `signal` fires. */
  async whenFree(name: string, signal: AbortSignal): Promise<void> {
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    aborted.catch(() => undefined); // whoever waits hears of it
    for (let holder = this.#holders.get(name); holder !== undefined; holder = this.#holders.get(name)) {
      await Promise.race([holder.free, aborted]);
    }
  }

  #hold(name: string): HeldLock {
    let free: () => void = () => {};
    let lose: () => void = () => {};
    const lost = new Promise<void>((done) => (lose = done));
    const holder = { free: new Promise<void>((done) => (free = done)), lose: () => lose() };
    this.#holders.set(name, holder);
    const release = (): void => {
      if (this.#holders.get(name) === holder) this.#holders.delete(name);
      free();
    };
    return { release, lost };
  }
}

/** Those of `shared` for wallets, local ones for the rest. */
export function withShared(shared: WalletLocks): Locks {
  const local = new LocalLocks();
  return {
    acquire: (name, request) =>
      name.startsWith('amplet:wallet:')
        ? shared.acquire(name, { timeoutMs: request.timeout, steal: request.steal === true })
        : local.acquire(name, request),
    whenFree: (name, signal) => local.whenFree(name, signal),
  };
}

async function within(ms: number, event: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const elapsed = new Promise<void>((done) => (timer = setTimeout(done, ms)));
  await Promise.race([event, elapsed]);
  clearTimeout(timer);
}
