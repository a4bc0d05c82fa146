// The engine's wasm, in Node.js.

import { readFile } from 'node:fs/promises';
import init, * as glue from '../../../generated/node/node.js';
import { describe, WalletError } from '../../base/error.ts';
import type { EngineModule } from '../../engine/engine.ts';
import type { WasmInput } from '../../link/wasm-source.ts';
import { closedStore, type WalletStorage, type WalletStore } from './storage.ts';

/** Compiles the engine, from beside this script unless `wasm` says otherwise. */
export async function compile(wasm: WasmInput | null): Promise<WebAssembly.Module> {
  if (wasm instanceof WebAssembly.Module) return wasm;
  try {
    return await WebAssembly.compile(wasm instanceof Uint8Array ? wasm : await fetched(wasm));
  } catch (error) {
    throw new WalletError(
      'internal',
      "The wallet's engine could not be loaded: check that the package is whole, or the address that `init` was given.",
      [describe(error)],
    );
  }
}

async function fetched(address: string | null): Promise<Uint8Array<ArrayBuffer>> {
  const url = address === null ? new URL('./node_bg.wasm', import.meta.url) : new URL(address);
  if (url.protocol === 'file:') return new Uint8Array(await readFile(url));
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url.href}: status ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** Starts the compiled engine's one instance: mnemonics and the rest. */
export async function instantiate(module: WebAssembly.Module): Promise<typeof glue> {
  await init({ module_or_path: module });
  return glue;
}

/** Hooks the engine up to its host. */
export async function loadEngine(
  module: WebAssembly.Module,
  storage: WalletStorage,
  log: (line: string) => void,
  crashed: () => void,
): Promise<EngineModule> {
  const { Engine, destroy, keySources, start, storedWords, useStorage } = await instantiate(module);
  const fuse = new Fuse(storage);
  useStorage((name: string) => fuse.open(name));
  start(log, () => {
    fuse.blow();
    crashed();
  });
  const guarded =
    <A extends unknown[], T>(call: (...given: A) => Promise<T>) =>
    async (...given: A): Promise<T> => {
      try {
        return await call(...given);
      } catch (error) {
        if (error instanceof WebAssembly.RuntimeError) fuse.blow();
        throw error;
      }
    };
  onTrap(() => fuse.blow());
  return {
    keySources: guarded(keySources),
    storedWords: guarded(storedWords),
    destroy: guarded(destroy),
    open: guarded(Engine.open),
  };
}

/** Calls `then` when the engine traps in a task of its own, which ends the process unless the app catches what is uncaught. */
export function onTrap(then: (trap: Error) => void): void {
  process.on('uncaughtExceptionMonitor', (error) => {
    if (error instanceof WebAssembly.RuntimeError) then(error);
  });
}

/** After a trap the engine's memory cannot be relied on: nothing more of it may be stored. */
class Fuse implements WalletStorage {
  readonly #storage: WalletStorage;
  #blown = false;

  constructor(storage: WalletStorage) {
    this.#storage = storage;
  }

  blow(): void {
    this.#blown = true;
  }

  async open(name: string): Promise<WalletStore> {
    const store = await this.#pass(() => this.#storage.open(name));
    return {
      place: store.place,
      read: (record) => this.#pass(() => store.read(record)),
      names: () => this.#pass(() => store.names()),
      takeOver: () => this.#pass(() => store.takeOver()),
      commit: (writes, epoch) => this.#pass(() => store.commit(writes, epoch)),
      destroy: () => this.#pass(() => store.destroy()),
      close: () => store.close(),
    };
  }

  async #pass<T>(work: () => Promise<T>): Promise<T> {
    if (this.#blown) throw closedStore();
    return work();
  }
}
