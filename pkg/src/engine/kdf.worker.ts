// The throwaway worker of platform/kdf.ts: one passphrase, one key.

import init, { deriveKey, newKdfParams } from '../../generated/page/page.js';
import { toData } from '../base/error.ts';
import type { DerivedKey, KdfRequest } from '../link/kdf.ts';
import { wasmFailure } from '../link/load-failure.ts';

self.onmessage = async ({ data }: MessageEvent<KdfRequest>) => {
  try {
    const source = data.wasm ?? new URL('./page_bg.wasm', import.meta.url);
    await init({ module_or_path: source }).catch(async (error: unknown) => {
      throw await wasmFailure('A part of the wallet', source, error);
    });
    const params = data.params ?? newKdfParams();
    const derived: DerivedKey = { key: deriveKey(data.passphrase, params), params };
    self.postMessage(derived, { transfer: [derived.key.buffer] });
  } catch (error) {
    self.postMessage(toData(error));
  }
};
