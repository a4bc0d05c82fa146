// The small wasm of the page, loaded when first needed.

import { WalletError, describe } from '../error.ts';
import init, * as wasm from '../../generated/page/page.js';

let loading: Promise<typeof wasm> | null = null;

/** The page's wasm: settings, mnemonics, key derivation. */
export function loadPageWasm(): Promise<typeof wasm> {
  loading ??= load();
  return loading;
}

async function load(): Promise<typeof wasm> {
  try {
    await init({ module_or_path: new URL('./page_bg.wasm', import.meta.url) });
    return wasm;
  } catch (error) {
    loading = null; // tried again by the next call
    throw new WalletError(
      'internal',
      'A part of the wallet could not be loaded: check the connection, then reload the page.',
      [describe(error)],
    );
  }
}
