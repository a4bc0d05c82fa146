// Web Locks of a browser. In a file of its own: the types of `amplet/node` lead to {@link Locks}, and know no browser.

import type { Locks } from './locks.ts';

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
