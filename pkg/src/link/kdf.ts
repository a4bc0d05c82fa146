// The key derivation as its worker is asked for it: the memory that Argon2 takes is never given back otherwise, so that the
// worker is thrown away.

import type { WasmInput } from './wasm-source.ts';
import type { KdfParams, Key } from './wire.ts';

/** A key and the parameters that it came from. */
export interface DerivedKey {
  key: Key;
  params: KdfParams;
}

/** A passphrase to derive a key from; without `params` with fresh ones, for a new passphrase. */
export interface KdfRequest {
  passphrase: string;
  params: KdfParams | null;
  /** Source of the worker's wasm; `null`: from beside its script. */
  wasm: WasmInput | null;
}
