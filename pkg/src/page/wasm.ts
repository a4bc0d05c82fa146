// The page's own wasm, each part loaded when first needed.

import { WalletError, describe } from '../error.ts';
import init, * as wasm from '../../generated/page/page.js';

/** Loads once; what failed is tried again by the next call. */
export function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loading: Promise<T> | null = null;
  return () => {
    loading ??= load().catch((error: unknown) => {
      loading = null;
      throw new WalletError(
        'internal',
        'A part of the wallet could not be loaded: check the connection, then reload the page.',
        [describe(error)],
      );
    });
    return loading;
  };
}

/** Settings and key derivation. */
export const loadPageWasm = once(async () => {
  await init({ module_or_path: new URL('./page_bg.wasm', import.meta.url) });
  return wasm;
});
