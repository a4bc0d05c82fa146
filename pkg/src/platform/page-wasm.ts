// The page's own wasm: settings and key derivation.

import { once } from './once.ts';
import { pageWasm } from '../platform.ts';
import init, * as wasm from '../../generated/page/page.js';

/** Loads it when it is first needed. */
export const loadPageWasm = /* @__PURE__ */ once(async () => {
  await init({ module_or_path: await pageWasm() });
  return wasm;
});
