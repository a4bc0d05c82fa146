/**
 * Settles as `work` does, unless `signal` is aborted before: then `abandon` is called, which rejects it. `work` itself is not stopped
 * by that.
 */
export function orAborted<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
  abandon: (reject: (reason: unknown) => void) => void,
): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const abort = (): void => abandon(reject);
    signal.addEventListener('abort', abort, { once: true });
    const settled = (): void => signal.removeEventListener('abort', abort);
    work.then(resolve, reject).finally(settled);
  });
}
