// The throwaway worker of page/keys.ts: one passphrase, one key.

import { toData } from './error.ts';
import { loadPageWasm } from './page/wasm.ts';
import type { Derive, Derived } from './page/keys.ts';

self.onmessage = async ({ data }: MessageEvent<Derive>) => {
  try {
    const wasm = await loadPageWasm();
    const params = data.params ?? wasm.newKdfParams();
    const derived: Derived = { key: wasm.deriveKey(data.passphrase, params), params };
    self.postMessage(derived, { transfer: [derived.key.buffer] });
  } catch (error) {
    self.postMessage(toData(error));
  }
};
