// What differs by where the package runs. `platform.ts` is the one of web pages; the build puts another in its place.

import type { Locks } from '../host/locks.ts';
import type { KdfParams, Key } from '../wire.ts';
import type { WasmInput } from './wasm-source.ts';
import type * as words from '../../generated/words/words.js';

/** A key and the parameters that it came from. */
export interface Derived {
  key: Key;
  params: KdfParams;
}

/** An engine's host that was started or joined. */
export interface Started {
  port: MessagePort;
  /** Rejects when it cannot start; never resolves. */
  failed: Promise<never>;
  /** Where the host has the engine's wasm from; `null`: it knows. */
  wasm: WasmInput | null;
  /** The page needs it no more. */
  release(): void;
}

/** The mnemonics' wasm. */
export type Words = Pick<typeof words, 'newMnemonic' | 'checkMnemonic' | 'suggestWords'>;

/** What every platform exports. */
export interface Platform {
  /** Throws `notAllowedHere`, with the reason, where no wallet can be held. */
  checkEnvironment(): void;
  /** Whether what is stored stays; asks for it where that takes asking. */
  keepStorage(): Promise<boolean>;
  /** Starts the host of this wallet and generation, or joins the one that runs. */
  startHost(name: string, generation: number): Promise<Started>;
  /** Locks by which page and host learn of each other's death. */
  locks(): Locks;
  /** Derives the key of a passphrase, with the stored wallet's parameters or, for `null`, with fresh ones. */
  deriveKey(passphrase: string, params: KdfParams | null): Promise<Derived>;
  /** Loads what makes and checks mnemonics. */
  loadWords(): Promise<Words>;
}
