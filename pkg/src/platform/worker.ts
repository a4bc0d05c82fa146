// A worker that the app has: the engine runs in it, in the caller's thread. Also an extension's service worker.

import { toError, WalletError } from '../base/error.ts';
import type { DerivedKey } from '../link/kdf.ts';
import type { KdfParams } from '../link/wire.ts';
import * as beside from './beside.ts';
import type { Started } from './contract.ts';
import { InThread } from './in-thread.ts';
import { given } from './init.ts';
import { missingParts } from './web-environment.ts';

export { loadPage, loadWords, locks } from './beside.ts';

let thread: InThread | null = null;

/**
 * Throws `notAllowedHere` where there is no worker, and names the entry of the package that is for there.
 * @throws {WalletError} `notAllowedHere`
 */
export function checkPlace(): void {
  const refuse = (reason: string): never => {
    throw new WalletError('notAllowedHere', reason);
  };
  if (typeof window !== 'undefined' || typeof document !== 'undefined')
    refuse(
      'This is a page: import `amplet`, which starts a worker; `amplet/worker` is for a worker that the app has already.',
    );
  if (typeof navigator === 'undefined' || typeof location === 'undefined')
    refuse(
      "This needs a browser's worker: call it there, not while rendering on a server; in Node.js import `amplet/node`.",
    );
}

/**
 * Throws `notAllowedHere`, with the reason, where no wallet can be held.
 * @throws {WalletError} `notAllowedHere`
 */
export function checkEnvironment(): void {
  checkPlace();
  const reason = whyNot();
  if (reason !== null) throw new WalletError('notAllowedHere', reason);
}

function whyNot(): string | null {
  if (!globalThis.isSecureContext || globalThis.origin === 'null') {
    return 'This worker has no secure origin of its own, so nothing could be stored: start it from a page on https, or on http://localhost.';
  }
  return missingParts(['locks', 'indexedDB', 'WebAssembly']);
}

/** Returns whether the browser promised to keep what is stored; only a page can ask for that. */
export async function keepStorage(): Promise<boolean> {
  try {
    return await navigator.storage.persisted();
  } catch {
    return false; // no such API here
  }
}

/** In this very thread. */
export async function startHost(name: string, generation: number): Promise<Started> {
  thread ??= begin();
  return thread.start(name, generation);
}

function begin(): InThread {
  const started = new InThread({
    locks: beside.locks(),
    bus: (name) => new BroadcastChannel(name),
    load: async (log, crashed) => {
      const { loadEngine } = await import('../engine/load.ts');
      return loadEngine(log, crashed, (await given()).engine);
    },
  });
  // A trap in a task of the engine's own surfaces here, after the abort handler was called.
  const uncaught = (event: ErrorEvent | PromiseRejectionEvent): void => {
    const error: unknown = 'reason' in event ? event.reason : event.error;
    if (error instanceof WebAssembly.RuntimeError) started.crash(error);
  };
  addEventListener('error', uncaught);
  addEventListener('unhandledrejection', uncaught);
  return started;
}

/** Derives in a throwaway worker; where a worker cannot start one, here. */
export async function deriveKey(passphrase: string, params: KdfParams | null): Promise<DerivedKey> {
  if (typeof Worker !== 'undefined') return beside.deriveKey(passphrase, params);
  const wasm = await beside.loadPage();
  try {
    const used = params ?? wasm.newKdfParams();
    return { key: wasm.deriveKey(passphrase, used), params: used };
  } catch (error) {
    throw toError(error);
  }
}
