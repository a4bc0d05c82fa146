// The wasm beside the engine's, loaded when it is first needed: whoever imports the package and opens no wallet does without,
// and the generated glue, which is imported with it, touches globals when it is evaluated.

import { describe, WalletError } from '../base/error.ts';
import { wasmFailure } from '../link/load-failure.ts';
import type { WasmInput } from '../link/wasm-source.ts';

/** A module with its glue. */
interface Glue {
  default(options: { module_or_path: WasmInput | URL }): Promise<unknown>;
}

/** Loads a module once; after a failure the next call tries again. */
export function loader<T extends Glue>(
  glue: () => Promise<T>,
  source: () => Promise<WasmInput | URL>,
): () => Promise<T> {
  return once(async () => {
    const loaded = await glue();
    const from = await source();
    try {
      await loaded.default({ module_or_path: from });
    } catch (error) {
      throw await wasmFailure('A part of the wallet', from, error);
    }
    return loaded;
  });
}

/** Runs `load` once; after a failure the next call runs it again. */
export function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loading: Promise<T> | null = null;
  return () => {
    loading ??= load().catch((error: unknown) => {
      loading = null;
      if (error instanceof WalletError) throw error;
      throw new WalletError(
        'internal',
        'A part of the wallet could not be loaded: check the connection, then reload the page.',
        [describe(error)],
      );
    });
    return loading;
  };
}
