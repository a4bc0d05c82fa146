/** The environment of a stream; in tests, a clock of theirs. */
export interface StreamEnvironment {
  /** A clock that never goes back, in ms. */
  now(): number;
  /** The wall clock, in ms since the UNIX epoch. */
  date(): number;
  /** Calls `work` once, after so many ms; answers how to call that off. */
  after(ms: number, work: () => void): () => void;
  /** Calls `listener` with whether the page is hidden, now and at each change; returns a function that ends that. */
  onHidden(listener: (hidden: boolean) => void): () => void;
  /** Calls `listener` with whether there is a network at each change; returns a function that ends that. */
  onOnline(listener: (online: boolean) => void): () => void;
}

/** The page, or the worker or process without one: never hidden. */
export const environment: StreamEnvironment = {
  now: () => performance.now(),
  date: () => Date.now(),
  after(ms, work) {
    const timer = setTimeout(work, ms);
    return () => clearTimeout(timer);
  },
  onHidden(listener) {
    if (typeof document === 'undefined') return () => {};
    const look = (): void => listener(document.visibilityState === 'hidden');
    look();
    document.addEventListener('visibilitychange', look);
    return () => document.removeEventListener('visibilitychange', look);
  },
  onOnline(listener) {
    if (typeof addEventListener === 'undefined') return () => {};
    const on = (): void => listener(true);
    const off = (): void => listener(false);
    addEventListener('online', on);
    addEventListener('offline', off);
    return () => {
      removeEventListener('online', on);
      removeEventListener('offline', off);
    };
  },
};
