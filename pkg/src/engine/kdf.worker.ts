// The throwaway worker of platform/kdf.ts: one passphrase, one key.

import init, { deriveKey, newKdfParams } from '../../generated/page/page.js';
import { toData } from '../base/error.ts';
import type { DerivedKey, KdfRequest } from '../link/kdf.ts';

self.onmessage = async ({ data }: MessageEvent<KdfRequest>) => {
  try {
    await init({ module_or_path: data.wasm ?? new URL('./page_bg.wasm', import.meta.url) });
    const params = data.params ?? newKdfParams();
    const derived: DerivedKey = { key: deriveKey(data.passphrase, params), params };
    self.postMessage(derived, { transfer: [derived.key.buffer] });
  } catch (error) {
    self.postMessage(toData(error));
  }
};
