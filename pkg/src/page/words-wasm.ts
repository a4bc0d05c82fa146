// The mnemonics' wasm with its glue; imported when a screen makes or takes a mnemonic, and then only.

import init, * as words from '../../generated/words/words.js';

/** Compiles it. */
export async function load(): Promise<typeof words> {
  await init({ module_or_path: new URL('./words_bg.wasm', import.meta.url) });
  return words;
}
