// The engine's wasm, in a browser.

import init, { Engine, destroy, keySources, start, storedWords } from '../../generated/engine/engine.js';
import { wasmFailure } from '../link/load-failure.ts';
import type { WasmInput } from '../link/wasm-source.ts';
import type { EngineModule } from './engine.ts';

/** Loads it, from beside this script unless `wasm` says otherwise. */
export async function loadEngine(
  log: (line: string) => void,
  crashed: () => void,
  wasm: WasmInput | null,
): Promise<EngineModule> {
  const source = wasm ?? new URL('./engine_bg.wasm', import.meta.url);
  try {
    await init({ module_or_path: source });
  } catch (error) {
    throw await wasmFailure("The wallet's engine", source, error);
  }
  const print = (line: string): void => {
    console.debug(line);
    log(line);
  };
  start(print, crashed);
  return { keySources, storedWords, destroy, open: (...how) => Engine.open(...how) };
}
