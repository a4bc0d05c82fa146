// The optional first step: where the package's wasm comes from.

import { named } from '../base/named.ts';
import { toInput, type WasmInput, type WasmSource } from '../link/wasm-source.ts';

/** Sources of the wasm modules; each one left out is fetched from beside the package's scripts. */
export interface InitOptions {
  /**
   * The engine, `amplet/engine.wasm`. A compiled module cannot be sent to a SharedWorker, so with one every tab has an
   * engine of its own, and only one tab at a time can open a wallet.
   */
  wasm?: WasmSource | undefined;
  /** Settings and passphrases, `amplet/page.wasm`. */
  pageWasm?: WasmSource | undefined;
  /** Mnemonics, `amplet/words.wasm`. */
  wordsWasm?: WasmSource | undefined;
}

/** The checked form of {@link InitOptions}. */
export interface Given {
  engine: WasmInput | null;
  page: WasmInput | null;
  words: WasmInput | null;
}

const NOTHING: Given = { engine: null, page: null, words: null };
let reading: Promise<Given> | null = null;

/**
 * Says where the package's wasm comes from. Optional: without it each module is fetched when it is first needed. Only the
 * first call counts; later ones wait for it and change nothing. After a call that failed the next one is the first.
 * @throws {WalletError} `invalidInput` when a source is none, or an answer that is no success
 */
export async function init(options: InitOptions = {}): Promise<void> {
  reading ??= read(options).catch((error: unknown) => {
    reading = null;
    throw error;
  });
  await reading;
}

/** Returns what `init` was given, if it was called. */
export async function given(): Promise<Given> {
  return reading ?? NOTHING;
}

async function read(options: InitOptions): Promise<Given> {
  const { wasm, pageWasm, wordsWasm } = named('init', options, { wasm: true, pageWasm: true, wordsWasm: true });
  const input = async (name: string, source: WasmSource | undefined) =>
    source === undefined ? null : toInput(name, source);
  const [engine, page, words] = await Promise.all([
    input('wasm', wasm),
    input('pageWasm', pageWasm),
    input('wordsWasm', wordsWasm),
  ]);
  return { engine, page, words };
}
