// The first step: what wallets in this process are made of.

import { WalletError } from '../../base/error.ts';
import { FUNCTION, having } from '../../base/kinds.ts';
import { named, type Names } from '../../base/named.ts';
import type { Locks } from '../../engine/locks.ts';
import { toInput, type WasmInput, type WasmSource } from '../../link/wasm-source.ts';
import { useWebSocket, WebSocket, type WebSocketConstructor } from './globals.ts';
import { LocalLocks, withShared, type WalletLocks } from './locks.ts';
import type { WalletStorage } from './storage.ts';

/** Parts of a wallet in Node.js. */
export interface InitOptions {
  /** Place of the wallets: `fileStorage(directory)`, `memoryStorage()`, or your own. */
  storage: WalletStorage;
  /** The WebSocket to reach gateways with; by default the global one, which Node.js has from version 22 on. */
  WebSocket?: WebSocketConstructor | undefined;
  /** Locks that processes share; by default a process knows its own only, and the one that opens a wallet last has it. */
  locks?: WalletLocks | undefined;
  /** The engine, `amplet/node.wasm`; by default the one in the package. */
  wasm?: WasmSource | undefined;
  /** Gets each line of the engine's log, which holds no secrets; by default they are kept for `diagnostics()` only. */
  log?: ((line: string) => void) | undefined;
}

/** Names of {@link InitOptions}. */
const NAMES: Names<InitOptions> = {
  storage: true,
  WebSocket: { ...FUNCTION, what: 'a class, such as that of the package `ws`' },
  locks: having('an object with `acquire`', 'acquire'),
  wasm: true,
  log: FUNCTION,
};

/** The checked form of {@link InitOptions}. */
export interface Given {
  storage: WalletStorage;
  locks: Locks;
  wasm: WasmInput | null;
  log: (line: string) => void;
}

let given: Given | null = null;
let reading: Promise<void> | null = null;

/**
 * Says what wallets in this process are made of; has to come first. Only the first call counts, later ones wait for it and
 * change nothing. After a call that failed the next one is the first.
 * @throws {WalletError} `invalidInput` when `storage` or `wasm` is none, or there is no WebSocket
 */
export async function init(options: InitOptions): Promise<void> {
  reading ??= read(options).catch((error: unknown) => {
    reading = null;
    throw error;
  });
  await reading;
}

async function read(options: InitOptions): Promise<void> {
  const { storage, locks: shared, wasm, log = () => undefined } = named('init', options, NAMES);
  if (typeof storage?.open !== 'function') {
    throw new WalletError(
      'invalidInput',
      '`storage` is missing: give `fileStorage(directory)`, `memoryStorage()` or a storage of your own.',
    );
  }
  useWebSocket(options?.WebSocket ?? (globalThis as { WebSocket?: WebSocketConstructor }).WebSocket);
  if (WebSocket === undefined) {
    throw new WalletError(
      'invalidInput',
      "This Node.js has no WebSocket: give one, such as `import { WebSocket } from 'ws'`, or use version 22 or newer.",
    );
  }
  given = {
    storage,
    locks: shared === undefined ? new LocalLocks() : withShared(shared),
    wasm: wasm === undefined ? null : await toInput('wasm', wasm),
    log,
  };
}

/**
 * Returns what `init` was given.
 * @throws {WalletError} before `init`
 */
export function ready(): Given {
  if (given === null) {
    throw new WalletError(
      'notAllowedHere',
      'Nothing says where wallets lie: call `await init({ storage: fileStorage(directory) })` first.',
    );
  }
  return given;
}
