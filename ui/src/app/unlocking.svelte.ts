/** What opens the wallet of this page, as far as it is known. */

import { Wallet, type Passkey, type Unlocking } from 'amplet';

/** See the head of this file. */
export class UnlockingWays {
  /** `null`: there is no wallet, or nobody has looked yet. */
  #found = $state.raw<Unlocking | null>(null);
  readonly #name: () => string;

  /** `name`: that of the wallet. */
  constructor(name: () => string) {
    this.#name = name;
  }

  /** There is a wallet. */
  get exists(): boolean {
    return this.#found !== null;
  }

  /** A passphrase opens it: where that is not known it is the likelier. */
  get hasPassphrase(): boolean {
    return this.#found?.passphrase ?? true;
  }

  get passkeys(): readonly Passkey[] {
    return this.#found?.passkeys ?? [];
  }

  /** Looks. Throws what the package throws. */
  async look(): Promise<void> {
    this.#found = await Wallet.unlocking(this.#name());
  }

  /** Looks again, as a passkey may have been added or removed elsewhere; what comes when it does not `matter` any more is dropped. */
  again(matters: () => boolean): void {
    Wallet.unlocking(this.#name()).then(
      (found) => {
        if (matters()) this.#found = found;
      },
      () => undefined, // what was known last is shown
    );
  }

  forget(): void {
    this.#found = null;
  }
}
