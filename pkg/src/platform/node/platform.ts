// Node.js: the engine in the caller's thread, on storage, locks and WebSockets that the app gives.

import { Worker } from 'node:worker_threads';
import { isErrorData, toError, WalletError } from '../../base/error.ts';
import type { Locks } from '../../engine/locks.ts';
import type { DerivedKey } from '../../link/kdf.ts';
import type { KdfParams } from '../../link/wire.ts';
import type { Started, Words } from '../contract.ts';
import { InThread } from '../in-thread.ts';
import { once } from '../wasm.ts';
import { compile, instantiate, loadEngine, onTrap } from './engine.ts';
import { ready } from './init.ts';
import type { Question } from './kdf.worker.ts';

let thread: InThread | null = null;

/** Throws `notAllowedHere` before `init`. */
export function checkEnvironment(): void {
  ready();
}

/** The same: the module for mnemonics is the engine's. */
export const checkPlace = checkEnvironment;

/** Returns true: what a storage of Node's holds stays. */
export async function keepStorage(): Promise<boolean> {
  return true;
}

/** The locks that `init` was given, or this process's own. */
export function locks(): Locks {
  return ready().locks;
}

let compiling: (() => Promise<WebAssembly.Module>) | null = null;

function compiled(): Promise<WebAssembly.Module> {
  compiling ??= once(() => compile(ready().wasm));
  return compiling();
}

/** In this very thread. */
export async function startHost(name: string, generation: number): Promise<Started> {
  thread ??= begin();
  return thread.start(name, generation);
}

function begin(): InThread {
  const { storage, locks: held, log: print } = ready();
  const started = new InThread({
    locks: held,
    // Wallets in one process join the same host; between processes it is the locks and the storage that tell.
    bus: () => ({ postMessage: () => undefined, onmessage: null, close: () => undefined }),
    load: async (log, crashed) => {
      const both = (line: string): void => {
        print(line);
        log(line);
      };
      return loadEngine(await compiled(), storage, both, crashed);
    },
  });
  onTrap((trap) => started.crash(trap));
  return started;
}

/** In a throwaway thread: the memory that Argon2 takes is never given back otherwise, and this one would stand still. */
export async function deriveKey(passphrase: string, params: KdfParams | null): Promise<DerivedKey> {
  const question: Question = { passphrase, params, module: await compiled() };
  const worker = new Worker(new URL('./kdf.node.js', import.meta.url), { workerData: question, execArgv: [] });
  const answer = new Promise<DerivedKey>((resolve, reject) => {
    worker.once('message', (data: DerivedKey) => (isErrorData(data) ? reject(toError(data)) : resolve(data)));
    worker.once('error', (error) => {
      reject(
        new WalletError(
          'internal',
          'The passphrase could not be worked on: see that there are 100 MB of memory, then try again.',
          [error.message],
        ),
      );
    });
  });
  return answer.finally(() => worker.terminate());
}

/** Part of the engine here. */
export async function loadWords(): Promise<Words> {
  return instantiate(await compiled());
}
