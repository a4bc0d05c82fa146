/** What opens the pretended wallet: a passphrase, and in the scenarios `passkey…` what a device would ask for; in `passkeys` both. */

import type { Passkey, Unlock, Unlocking } from 'amplet';
import { WalletError } from './fake-error.ts';
import * as samples from './samples.ts';

const pause = (ms = 350) => new Promise((resolve) => setTimeout(resolve, ms));

/** See the head of this file. */
export class FakeUnlocking {
  #passphrase: string | null;
  #passkeys: Passkey[];

  constructor(scenario: string) {
    this.#passphrase = ['none', 'passkey', 'passkeyBackup'].includes(scenario) ? null : samples.PASSPHRASE;
    const names: Record<string, string[]> = {
      passkey: ['Laptop'],
      passkeyBackup: ['Laptop'],
      passkeys: ['Laptop', 'Phone of the long journeys'],
    };
    this.#passkeys = (names[scenario] ?? []).map((name) => this.#passkey(name));
  }

  #passkey(name: string): Passkey {
    return { id: crypto.randomUUID(), name, createdAt: 1_790_000_000n };
  }

  state(): Unlocking | null {
    if (this.#passphrase === null && this.#passkeys.length === 0) return null;
    return { passphrase: this.#passphrase !== null, passkeys: [...this.#passkeys] };
  }

  create(passphrase: string | undefined, passkey: true | { name: string } | undefined): void {
    this.#passphrase = passphrase ?? null;
    this.#passkeys = passkey ? [this.#passkey(passkey === true ? 'Passkey' : passkey.name)] : [];
  }

  prove(unlock: Unlock): void {
    if (typeof unlock === 'string' ? unlock !== this.#passphrase : this.#passkeys.length === 0)
      throw new WalletError('wrongPassphrase', 'This passphrase does not open the wallet.');
  }

  setPassphrase(passphrase: string | null): void {
    this.#passphrase = passphrase;
  }

  add(name: string): Passkey {
    const passkey = this.#passkey(name);
    this.#passkeys.push(passkey);
    return passkey;
  }

  remove(id: string): void {
    this.#passkeys = this.#passkeys.filter((passkey) => passkey.id !== id);
  }

  forget(): void {
    this.#passphrase = null;
    this.#passkeys = [];
  }
}

/** The part of the pretended wallet that is about what opens it. */
export class UnlockedWallet {
  readonly #unlocking: FakeUnlocking;

  constructor(unlocking: FakeUnlocking) {
    this.#unlocking = unlocking;
  }

  async changePassphrase({ from, to }: { from: Unlock; to: string }): Promise<void> {
    await pause();
    this.#unlocking.prove(from);
    this.#unlocking.setPassphrase(to);
  }

  async removePassphrase(unlock: Unlock): Promise<void> {
    this.#unlocking.prove(unlock);
    this.#unlocking.setPassphrase(null);
  }

  async addPasskey({ name, unlock }: { name: string; unlock: Unlock }): Promise<Passkey> {
    this.#unlocking.prove(unlock);
    return this.#unlocking.add(name);
  }

  async removePasskey(id: string, unlock: Unlock): Promise<void> {
    this.#unlocking.prove(unlock);
    this.#unlocking.remove(id);
  }

  async revealMnemonic(unlock: Unlock): Promise<string> {
    await pause();
    this.#unlocking.prove(unlock);
    return samples.MNEMONIC;
  }
}

export const unlockKey = async (): Promise<Uint8Array> => new Uint8Array(32);
export const passkeysAvailable = async (): Promise<boolean> => true;
