// The engine's wasm as the host needs it. `load.ts` supplies the real one, the tests another.

import type { Notice, OpenOptions, Request, RestoreProgress } from '../base/protocol.ts';
import type { WasmInput } from '../link/wasm-source.ts';
import type { KdfParams, Key } from '../link/wire.ts';

/** The engine's wasm, once loaded. */
export interface EngineModule {
  /** The key derivation parameters of a stored wallet; `undefined` when there is none. */
  kdfParams(name: string): Promise<KdfParams | undefined>;
  /** The mnemonic of a stored wallet, for its key; also of one that cannot be opened. Disturbs nobody who has it open. */
  storedWords(name: string, key: Key): Promise<string>;
  /** Deletes a stored wallet. */
  destroy(name: string): Promise<void>;
  /** Opens the wallet of `options.name`; with `kdf` creates it. `onProgress` hears how much of a backup was read. */
  open(
    options: OpenOptions,
    key: Key,
    kdf: KdfParams | undefined,
    onProgress: (progress: RestoreProgress) => void,
  ): Promise<Engine>;
}

/** An open wallet. */
export interface Engine {
  /** Returns whether `key` is the one it was opened with, compared in constant time. */
  proves(key: Key): boolean;
  /** Returns a request, or throws an error in its plain form. Calls `onBegin` with the id of a payment that is begun, before it leaves. */
  request(request: Request, onBegin: (paymentId: string) => void): Promise<unknown>;
  /** Calls `listener` with the unacknowledged events and the state, then each notice; with `null` when there will be no more. */
  subscribe(listener: (notice: Notice | null) => void): number;
  /** Ends a subscription. */
  unsubscribe(subscription: number): void;
  /** The mnemonic, if `key` is the one that it was opened with. */
  words(key: Key): Promise<string>;
  /** Seals the wallet's data key with another key. */
  changePassphrase(kdf: KdfParams, key: Key): Promise<void>;
  /** Finishes the step, stops, forgets the keys. Closing twice is no error. */
  close(): Promise<void>;
  /** Stops at once: writes and sends nothing more. Of an engine whose wallet another host has taken. */
  abort(): void;
}

/** Loads the engine's wasm, from `wasm` if that is given; `log` gets each log line, `crashed` is called once if it traps. */
export type LoadEngine = (
  log: (line: string) => void,
  crashed: () => void,
  wasm: WasmInput | null,
) => Promise<EngineModule>;
