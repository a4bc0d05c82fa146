// Passphrase to key, in a worker that is thrown away: the memory that Argon2 takes is never given back otherwise.

import { WalletError, isErrorData, toError } from '../error.ts';
import type { KdfParams, Key } from '../wire.ts';

/** What the worker is asked; without `params` it makes fresh ones, for a new passphrase. */
export interface Derive {
  passphrase: string;
  params: KdfParams | null;
}

/** What the worker answers. */
export interface Derived {
  key: Key;
  params: KdfParams;
}

/** Derives the key of a passphrase, with the stored wallet's parameters or, for `null`, with fresh ones. */
export function deriveKey(passphrase: string, params: KdfParams | null): Promise<Derived> {
  const worker = new Worker(new URL('./kdf.worker.js', import.meta.url), { type: 'module' });
  const answer = new Promise<Derived>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<Derived>) => (isErrorData(data) ? reject(toError(data)) : resolve(data));
    worker.onerror = ({ message }) => {
      reject(new WalletError('internal', 'The passphrase could not be worked on: close other tabs if memory is short, then reload the page.', [message]));
    };
    worker.postMessage({ passphrase, params } satisfies Derive);
  });
  return answer.finally(() => worker.terminate());
}
