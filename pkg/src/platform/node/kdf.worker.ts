// The throwaway thread of node/platform.ts: one passphrase, one key.

import { parentPort, workerData } from 'node:worker_threads';
import { deriveKey, initSync, newKdfParams } from '../../../generated/node/node.js';
import { toData } from '../../base/error.ts';
import type { DerivedKey } from '../../link/kdf.ts';
import type { KdfParams } from '../../link/wire.ts';

/** The task of the thread; without `params` it makes fresh ones, for a new passphrase. */
export interface Question {
  passphrase: string;
  params: KdfParams | null;
  module: WebAssembly.Module;
}

function answer({ passphrase, params, module }: Question): DerivedKey {
  initSync({ module });
  const used = params ?? newKdfParams();
  return { key: deriveKey(passphrase, used), params: used };
}

try {
  parentPort?.postMessage(answer(workerData as Question));
} catch (error) {
  parentPort?.postMessage(toData(error));
}
