// A web page whose bundler emits no files: wasm and workers are in the script. A SharedWorker of one tab cannot be found by
// another without an address, so every tab has an engine of its own, and one tab at a time can open a wallet.

import * as inlined from 'amplet:inlined';
import type { DerivedKey } from '../link/kdf.ts';
import { workerName } from '../link/names.ts';
import type { KdfParams } from '../link/wire.ts';
import type { Page, Started, Words } from './contract.ts';
import { given } from './init.ts';
import { deriveIn } from './kdf.ts';
import { loader } from './wasm.ts';
import { started } from './web.ts';
import { WorkerWatch } from './worker-failure.ts';

export { checkEnvironment, checkPlace, keepStorage } from './web-environment.ts';
export { locks } from './beside.ts';

/** In a Worker of this page alone. */
export async function startHost(name: string, generation: number): Promise<Started> {
  const wasm = (await given()).engine ?? (await unpack(inlined.engine));
  const { worker, watch, done } = start(inlined.engineWorker, workerName(name, generation));
  const { port1, port2 } = new MessageChannel();
  worker.postMessage({ kind: 'port' }, [port2]);
  const host = started(worker, port1, wasm, watch);
  return {
    ...host,
    release: () => {
      host.release();
      done();
    },
  };
}

/** In a throwaway worker. */
export async function deriveKey(passphrase: string, params: KdfParams | null): Promise<DerivedKey> {
  const wasm = (await given()).page ?? (await unpack(inlined.page));
  const { worker, watch, done } = start(inlined.kdfWorker, 'amplet:kdf');
  return deriveIn(worker, { passphrase, params, wasm }, watch).finally(done);
}

// Made when they are first asked for, as in `beside.ts`.
let page: (() => Promise<Page>) | null = null;
let words: (() => Promise<Words>) | null = null;

/** Loads settings and passphrases. */
export function loadPage(): Promise<Page> {
  page ??= loader(
    () => import('../../generated/page/page.js'),
    async () => (await given()).page ?? unpack(inlined.page),
  );
  return page();
}

/** Loads mnemonics. */
export function loadWords(): Promise<Words> {
  words ??= loader(
    () => import('../../generated/words/words.js'),
    async () => (await given()).words ?? unpack(inlined.words),
  );
  return words();
}

function start(script: string, name: string): { worker: Worker; watch: WorkerWatch; done: () => void } {
  const url = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
  const watch = new WorkerWatch(null);
  try {
    return { worker: new Worker(url, { type: 'module', name }), watch, done: () => URL.revokeObjectURL(url) };
  } catch (error) {
    throw watch.refused(error);
  }
}

/** From gzip in base64. */
async function unpack(text: string): Promise<Uint8Array<ArrayBuffer>> {
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(unpacked).arrayBuffer());
}
