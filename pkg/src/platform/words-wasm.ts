// The mnemonics' wasm with its glue; imported when a screen makes or takes a mnemonic, and then only.

import init, * as words from '../../generated/words/words.js';
import type { WasmInput } from './wasm-source.ts';

/** Compiles it. */
export async function load(wasm: WasmInput | URL): Promise<typeof words> {
  await init({ module_or_path: wasm });
  return words;
}
