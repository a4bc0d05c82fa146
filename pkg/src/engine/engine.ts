// The engine's wasm as the host needs it. `load.ts` supplies the real one, the tests another.

import type { Notice, OpenOptions, Request, RestoreProgress } from '../base/protocol.ts';
import type { WasmInput } from '../link/wasm-source.ts';
import type { Key, KeySource } from '../link/wire.ts';

/** The engine's wasm, once loaded. */
export interface EngineModule {
  /** Sources of the keys that open a stored wallet; `undefined` when there is none. */
  keySources(name: string): Promise<KeySource[] | undefined>;
  /** The mnemonic of a stored wallet, for its key; also of one that cannot be opened. Disturbs nobody who has it open. */
  storedWords(name: string, key: Key): Promise<string>;
  /** Deletes a stored wallet. */
  destroy(name: string): Promise<void>;
  /** Opens the wallet of `options.name`; with the `source` of the key creates it. `onProgress` hears how much of a backup was read. */
  open(
    options: OpenOptions,
    key: Key,
    source: KeySource | undefined,
    onProgress: (progress: RestoreProgress) => void,
  ): Promise<Engine>;
}

/** An open wallet. */
export interface Engine {
  /** Returns whether `key` opens this wallet, compared in constant time. */
  proves(key: Key): boolean;
  /** Returns a request, or throws an error in its plain form. Calls `onBegin` with the id of a payment that is begun, before it leaves. */
  request(request: Request, onBegin: (paymentId: string) => void): Promise<unknown>;
  /** Calls `listener` with the unacknowledged events and the state, then each notice; with `null` when there will be no more. */
  subscribe(listener: (notice: Notice | null) => void): number;
  /** Ends a subscription. */
  unsubscribe(subscription: number): void;
  /** The mnemonic, if `key` opens this wallet. */
  words(key: Key): Promise<string>;
  /** Lets one more key open the wallet, in place of an older one of that source, or of any passphrase. */
  putKey(source: KeySource, key: Key): Promise<void>;
  /** Lets the key of that source open the wallet no more. */
  removeKey(source: KeySource): Promise<void>;
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
