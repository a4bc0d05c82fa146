// Passphrase to key, in a worker that is thrown away.

import { isErrorData, toError, WalletError } from '../base/error.ts';
import type { DerivedKey, KdfRequest } from '../link/kdf.ts';

/** Asks a fresh worker, and ends it. */
export function deriveIn(worker: Worker, request: KdfRequest): Promise<DerivedKey> {
  const derived = new Promise<DerivedKey>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<DerivedKey>) =>
      isErrorData(data) ? reject(toError(data)) : resolve(data);
    worker.onerror = ({ message }) => {
      reject(
        new WalletError(
          'internal',
          'The passphrase could not be worked on: close other tabs if memory is short, then reload the page.',
          [message],
        ),
      );
    };
    worker.postMessage(request);
  });
  return derived.finally(() => worker.terminate());
}
