// The page's wasm with its glue, apart: whoever imports the package and opens no wallet does without, and glue touches
// globals when it is evaluated.

import init, * as page from '../../generated/page/page.js';
import type { WasmInput } from './wasm-source.ts';

/** Compiles it. */
export async function load(wasm: WasmInput | URL): Promise<typeof page> {
  await init({ module_or_path: wasm });
  return page;
}
