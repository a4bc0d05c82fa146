// The place of the mnemonics' wasm, beside the scripts. A module of its own, imported when it is needed: what a page names at
// once, it may load at once.

/** Its URL. */
export const wordsBeside: URL = new URL('./words_bg.wasm', import.meta.url);
