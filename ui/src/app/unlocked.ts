/** Keeps a wallet unlocked when its page goes, where there is a session; the web wallet has none. */

import { unlockKey, type OpenOptions } from 'amplet';
import { toWalletError } from '../text/errors.ts';

/** Memory of the key that outlives the pages. */
export interface UnlockedSession {
  key(): Promise<Uint8Array | null>;
  keep(key: Uint8Array): Promise<void>;
  forget(): Promise<void>;
}

/** See the head of this file. */
export class Unlocked {
  readonly session: UnlockedSession | null;
  readonly #name: () => string;

  /** `name`: that of the page's wallet. */
  constructor(session: UnlockedSession | null, name: () => string) {
    this.session = session;
    this.#name = name;
  }

  /** Derives the key where one is to be kept: a wallet that exists is opened with it, so that it is derived once. */
  async withKey<T extends Pick<OpenOptions, 'passphrase' | 'key' | 'mnemonic'>>(input: T): Promise<T> {
    const { passphrase, ...rest } = input;
    if (!this.session || passphrase === undefined || input.mnemonic !== undefined) return input;
    return { ...rest, key: await this.derive(passphrase) } as T;
  }

  /** The key of a passphrase. Throws what the package throws. */
  derive(passphrase: string): Promise<Uint8Array> {
    return unlockKey(this.#name(), passphrase);
  }

  /** Keeps the key that the wallet was opened with: what was given, or what its passphrase derives. */
  async keep({ key, passphrase }: Pick<OpenOptions, 'passphrase' | 'key'>): Promise<void> {
    if (!this.session) return;
    try {
      const kept = key ?? (passphrase === undefined ? await this.session.key() : await this.derive(passphrase));
      if (kept) await this.session.keep(kept);
    } catch (thrown) {
      console.warn('session', toWalletError(thrown).message); // the wallet is open here: the next window asks
    }
  }
}
