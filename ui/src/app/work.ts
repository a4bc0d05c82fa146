/** Work that a lock must not cut off, in whichever of this origin's documents it goes on: it holds a shared Web Lock. */

const NAME = 'amplet-work';

/** Does it, holding the lock meanwhile. */
export async function atWork<T>(work: () => Promise<T>): Promise<T> {
  return navigator.locks.request(NAME, { mode: 'shared' }, work);
}

/** Does `then` when no work goes on; what would begin meanwhile waits. Returns whether it did: without `wait` not if some goes on now. */
export async function atRest(then: () => Promise<void>, { wait = false } = {}): Promise<boolean> {
  return navigator.locks.request(NAME, { mode: 'exclusive', ifAvailable: !wait }, async (held) => {
    if (held !== null) await then();
    return held !== null;
  });
}
