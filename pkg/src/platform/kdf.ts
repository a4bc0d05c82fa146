// Passphrase to key, in a worker that is thrown away.

import { isErrorData, toError } from '../base/error.ts';
import type { DerivedKey, KdfRequest } from '../link/kdf.ts';
import type { WorkerWatch } from './worker-failure.ts';

/** Asks a fresh worker, and ends it. */
export function deriveIn(worker: Worker, request: KdfRequest, watch: WorkerWatch): Promise<DerivedKey> {
  const derived = new Promise<DerivedKey>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<DerivedKey>) =>
      isErrorData(data) ? reject(toError(data)) : resolve(data);
    worker.onerror = (event) => void watch.failed(event).then(reject);
    worker.postMessage(request);
  });
  return derived.finally(() => {
    worker.terminate();
    watch.end();
  });
}
