// The differences by where the package runs. package.json's `imports` choose one of the implementations as `#platform`.

import type * as page from '../../generated/page/page.js';
import type * as words from '../../generated/words/words.js';
import type { Locks } from '../engine/locks.ts';
import type { DerivedKey } from '../link/kdf.ts';
import type { WasmInput } from '../link/wasm-source.ts';
import type { KdfParams } from '../link/wire.ts';

/** An engine's host that was started or joined. */
export interface Started {
  port: MessagePort;
  /** Rejects when it cannot start; never resolves. */
  failed: Promise<never>;
  /** Source of the engine's wasm for the host; `null`: it knows. */
  wasm: WasmInput | null;
  /** The page needs it no more. */
  release(): void;
}

/** The mnemonics' wasm. */
export type Words = Pick<typeof words, 'newMnemonic' | 'checkMnemonic' | 'suggestWords'>;

/** The wasm of a page's settings. */
export type Page = Pick<typeof page, 'checkGateway' | 'loadSettings' | 'saveSettings'>;

/** Exports of every platform. */
export interface Platform {
  /** Throws `notAllowedHere` where this entry of the package cannot run at all, and names the one that can. */
  checkPlace(): void;
  /** Throws `notAllowedHere`, with the reason, where no wallet can be held. */
  checkEnvironment(): void;
  /** Returns whether what is stored stays; asks for it where that takes request. */
  keepStorage(): Promise<boolean>;
  /** Starts the host of this wallet and generation, or joins the one that runs. */
  startHost(name: string, generation: number): Promise<Started>;
  /** Locks by which page and host learn of each other's death. */
  locks(): Locks;
  /** Derives the key of a passphrase, with the stored wallet's parameters or, for `null`, with fresh ones. */
  deriveKey(passphrase: string, params: KdfParams | null): Promise<DerivedKey>;
  /** Loads what makes and checks mnemonics. */
  loadWords(): Promise<Words>;
}

/** Exports of every browser's platform. */
export interface BrowserPlatform extends Platform {
  /** Loads what reads and writes a page's settings. */
  loadPage(): Promise<Page>;
}
