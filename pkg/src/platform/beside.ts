// Scripts and wasm that lie beside the package's own script: of a page and of a worker.

import type { Locks } from '../engine/locks.ts';
import { webLocks } from '../engine/web-locks.ts';
import type { DerivedKey } from '../link/kdf.ts';
import type { KdfParams } from '../link/wire.ts';
import { given } from './init.ts';
import { deriveIn } from './kdf.ts';
import { loader } from './wasm.ts';
import { WorkerWatch } from './worker-failure.ts';

/** The browser's locks, of this origin. */
export function locks(): Locks {
  return webLocks(navigator.locks);
}

/** Derives in a throwaway worker. */
export async function deriveKey(passphrase: string, params: KdfParams | null): Promise<DerivedKey> {
  const { page } = await given();
  const watch = new WorkerWatch('kdf.worker.js', import.meta.url);
  let worker: Worker;
  try {
    worker = new Worker(new URL('./kdf.worker.js', import.meta.url), { type: 'module' });
  } catch (error) {
    throw watch.refused(error);
  }
  return deriveIn(worker, { passphrase, params, wasm: page }, watch);
}

// Made when they are first asked for: a call here would keep all of this in every bundle of the package.
let page: (() => Promise<typeof import('../../generated/page/page.js')>) | null = null;
let words: (() => Promise<typeof import('../../generated/words/words.js')>) | null = null;

/** Loads settings and passphrases. */
export function loadPage(): ReturnType<NonNullable<typeof page>> {
  page ??= loader(
    () => import('../../generated/page/page.js'),
    async () => (await given()).page ?? new URL('./page_bg.wasm', import.meta.url),
  );
  return page();
}

/** Loads mnemonics, from files of their own: a wallet that exists opens without them. */
export function loadWords(): ReturnType<NonNullable<typeof words>> {
  words ??= loader(
    () => import('../../generated/words/words.js'),
    async () => (await given()).words ?? (await import('./words-beside.ts')).wordsBeside,
  );
  return words();
}
