// A worker that the app has: the engine runs in it, in the caller's thread. Also an extension's service worker.

import { WalletError, toError } from '../error.ts';
import { webLocks, type Locks } from '../host/locks.ts';
import type { KdfParams } from '../wire.ts';
import type { Derived, Started, Words } from './contract.ts';
import { InThread } from './in-thread.ts';
import { given } from './init.ts';
import { deriveIn } from './kdf.ts';
import { once } from './once.ts';
import { loadPageWasm } from './page-wasm.ts';
import type { WasmInput } from './wasm-source.ts';
import { missingParts } from './web-environment.ts';

let thread: InThread | null = null;

/** Throws `notAllowedHere`, with the reason, where no wallet can be held. */
export function checkEnvironment(): void {
  const reason = whyNot();
  if (reason !== null) throw new WalletError('notAllowedHere', reason);
}

function whyNot(): string | null {
  if (typeof window !== 'undefined' || typeof document !== 'undefined') {
    return 'This is a page: import `amplet`, which starts a worker; `amplet/worker` is for a worker that the app has already.';
  }
  if (typeof navigator === 'undefined' || typeof location === 'undefined') {
    return "A wallet needs a browser's worker here; in Node.js import `amplet/node`.";
  }
  if (!globalThis.isSecureContext || globalThis.origin === 'null') {
    return 'This worker has no secure origin of its own, so nothing could be stored: start it from a page on https, or on http://localhost.';
  }
  return missingParts(['locks', 'indexedDB', 'WebAssembly']);
}

/** Whether the browser promised to keep what is stored; only a page can ask for that. */
export async function keepStorage(): Promise<boolean> {
  try {
    return await navigator.storage.persisted();
  } catch {
    return false; // no such API here
  }
}

/** The browser's locks, of this origin. */
export function locks(): Locks {
  return webLocks(navigator.locks);
}

/** In this very thread. */
export async function startHost(name: string, generation: number): Promise<Started> {
  thread ??= begin();
  return thread.start(name, generation);
}

function begin(): InThread {
  const started = new InThread({
    locks: locks(),
    bus: (name) => new BroadcastChannel(name),
    load: async (log, crashed) => {
      const { loadEngine } = await import('../host/load.ts');
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

/** In a throwaway worker; where a worker cannot start one, here. */
export async function deriveKey(passphrase: string, params: KdfParams | null): Promise<Derived> {
  if (typeof Worker !== 'undefined') {
    const worker = new Worker(new URL('./kdf.worker.js', import.meta.url), { type: 'module' });
    return deriveIn(worker, { passphrase, params, wasm: (await given()).page });
  }
  const wasm = await loadPageWasm();
  try {
    const used = params ?? wasm.newKdfParams();
    return { key: wasm.deriveKey(passphrase, used), params: used };
  } catch (error) {
    throw toError(error);
  }
}

/** Where the wasm for settings and passphrases is. */
export async function pageWasm(): Promise<WasmInput | URL> {
  return (await given()).page ?? new URL('./page_bg.wasm', import.meta.url);
}

let words: (() => Promise<Words>) | null = null;

/** From beside this script. The build makes the glue part of the script: a service worker has no `import()`. */
export function loadWords(): Promise<Words> {
  words ??= once(async () => {
    const { load } = await import('./words-wasm.ts');
    return load((await given()).words ?? new URL('./words_bg.wasm', import.meta.url));
  });
  return words();
}
