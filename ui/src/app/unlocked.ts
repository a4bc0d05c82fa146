/** Keeps a wallet unlocked when its page goes, where there is a session; the web wallet has none. */

import { unlockKey, type OpenOptions, type Unlock } from 'amplet';
import { toWalletError } from '../text/errors.ts';

/** Memory of the key that outlives the pages. */
export interface UnlockedSession {
  key(): Promise<Uint8Array | null>;
  keep(key: Uint8Array): Promise<void>;
  forget(): Promise<void>;
}

/** What a wallet is opened with. */
type Given = Pick<OpenOptions, 'passphrase' | 'passkey' | 'key' | 'mnemonic'>;

/** See the head of this file. */
export class Unlocked {
  readonly #session: UnlockedSession | null;
  readonly #name: () => string;

  /** `name`: that of the page's wallet. */
  constructor(session: UnlockedSession | null, name: () => string) {
    this.#session = session;
    this.#name = name;
  }

  /** Derives the key where one is to be kept: a wallet that exists is opened with it, so that it is derived once. */
  async withKey<T extends Given>(input: T): Promise<T> {
    const unlock = unlockOf(input);
    if (!this.#session || unlock === null || input.mnemonic !== undefined) return input;
    const withKey = { ...input, key: await this.#derive(unlock) };
    delete withKey.passphrase;
    delete withKey.passkey;
    return withKey;
  }

  #derive(unlock: Unlock): Promise<Uint8Array> {
    return unlockKey(this.#name(), unlock);
  }

  /** Keeps the key that the wallet was opened with: what was given, or what its passphrase or passkey derives. */
  async keep(given: Given): Promise<void> {
    if (!this.#session) return;
    try {
      const unlock = unlockOf(given);
      const kept = given.key ?? (unlock === null ? await this.#session.key() : await this.#derive(unlock));
      if (kept) await this.#session.keep(kept);
    } catch (thrown) {
      console.warn('session', toWalletError(thrown).message); // the wallet is open here: the next window asks
    }
  }
}

/** What the user opens the wallet with; `null`: with nothing but a key. */
function unlockOf({ passphrase, passkey }: Given): Unlock | null {
  return passkey === undefined ? (passphrase ?? null) : { passkey: true };
}
