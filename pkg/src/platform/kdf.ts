// Passphrase to key, in a worker that is thrown away: the memory that Argon2 takes is never given back otherwise.

import { WalletError, isErrorData, toError } from '../error.ts';
import type { KdfParams } from '../wire.ts';
import type { Derived } from './contract.ts';
import type { WasmInput } from './wasm-source.ts';

/** What the worker is asked; without `params` it makes fresh ones, for a new passphrase. */
export interface Derive {
  passphrase: string;
  params: KdfParams | null;
  /** Where the worker has its wasm from; `null`: from beside its script. */
  wasm: WasmInput | null;
}

/** Asks a fresh worker, and ends it. */
export function deriveIn(worker: Worker, question: Derive): Promise<Derived> {
  const answer = new Promise<Derived>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<Derived>) => (isErrorData(data) ? reject(toError(data)) : resolve(data));
    worker.onerror = ({ message }) => {
      reject(
        new WalletError(
          'internal',
          'The passphrase could not be worked on: close other tabs if memory is short, then reload the page.',
          [message],
        ),
      );
    };
    worker.postMessage(question);
  });
  return answer.finally(() => worker.terminate());
}
