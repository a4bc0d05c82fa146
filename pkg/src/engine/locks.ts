// Web Locks, as the host uses them.

/** A lock that is held. */
export interface HeldLock {
  /** Gives it back. */
  release(): void;
  /** Resolves when another took it by force; never otherwise. */
  readonly lost: Promise<void>;
}

/** A request for a lock. */
export interface LockRequest {
  /** Ms to wait; 0: take it only if it is free. */
  timeout: number;
  /** Take it from whoever has it, at once. */
  steal?: boolean;
}

/** The browser's locks; the tests have their own. */
export interface Locks {
  /** The lock, or `null` when it could not be had in time. */
  acquire(name: string, request: LockRequest): Promise<HeldLock | null>;
  /** Resolves when the lock is free: its holder has died or let go. */
  whenFree(name: string, signal: AbortSignal): Promise<void>;
}

/** {@link Locks} over `navigator.locks`. */
export function webLocks(manager: LockManager): Locks {
  return {
    acquire: (name, { timeout, steal = false }) =>
      new Promise((resolve, reject) => {
        const options: LockOptions = steal
          ? { steal: true }
          : timeout === 0
            ? { ifAvailable: true }
            : { signal: AbortSignal.timeout(timeout) };
        let release: () => void = () => {};
        let lose: () => void = () => {};
        const held = new Promise<void>((done) => (release = done));
        const lost = new Promise<void>((done) => (lose = done));
        manager
          .request(name, options, (lock) => {
            if (lock === null) return resolve(null);
            resolve({ release, lost });
            return held;
          })
          .catch((error: unknown) => {
            // Before it was granted: out of time, or a real failure. After: stolen.
            lose();
            if (error instanceof DOMException && ['TimeoutError', 'AbortError'].includes(error.name)) resolve(null);
            else reject(error);
          });
      }),
    whenFree: (name, signal) => manager.request(name, { signal }, () => undefined).then(() => undefined),
  };
}
