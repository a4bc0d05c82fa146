// The gateway's mailbox (crates/gateway/src/http/edge/pairing.rs): letters are put once and taken once.

import { WalletError } from '../../base/error.ts';
import { pause, post } from '../post.ts';
import type { Bytes } from './seal.ts';

/** Pause between two looks into the mailbox, ms. */
const PAUSE_MS = 1000;

/** A mailbox, for the time in which a code holds. */
export class Mailbox {
  readonly #origin: string;
  readonly #signal: AbortSignal;

  /** `origin`: the gateway's; when `signal` is aborted every call rejects with its reason. */
  constructor(origin: string, signal: AbortSignal) {
    this.#origin = origin;
    this.#signal = signal;
  }

  /**
   * Puts a letter.
   * @throws {WalletError} `inUse`: there is one already; `gatewayOffline`, `gatewayRefused`
   */
  async put(id: string, letter: Bytes): Promise<void> {
    const { status } = await this.#post('put', id, letter);
    if (status === 201) return;
    if (status === 409)
      throw new WalletError('inUse', 'This code was used before: show a new one on the other device.');
    throw refused(status);
  }

  /**
   * Waits for a letter, and takes it.
   * @throws {WalletError} `inUse`: somebody else has taken it; `gatewayRefused`
   */
  async take(id: string): Promise<Bytes> {
    for (;;) {
      const response = await this.#post('take', id).catch((error: unknown) => {
        this.#signal.throwIfAborted();
        if (error instanceof WalletError) return null; // the network may come back while the code holds
        throw error;
      });
      if (response?.status === 200) return new Uint8Array(await response.arrayBuffer());
      if (response?.status === 410)
        throw new WalletError('inUse', 'Another device has used this code: show a new one, where only you see it.');
      // Too many at a time, or a gateway that restarts: the next look may do.
      if (response !== null && response.status !== 204 && response.status !== 429 && response.status < 500)
        throw refused(response.status);
      await pause(PAUSE_MS, this.#signal);
    }
  }

  #post(what: 'put' | 'take', id: string, body?: Bytes): Promise<Response> {
    return post(`${this.#origin}/pairing/v1/${what}/${id}`, this.#signal, body);
  }
}

const refused = (status: number): WalletError =>
  new WalletError(
    'gatewayRefused',
    `The gateway cannot pass a letter between your devices (it answered ${status}): try another gateway, or use the words.`,
  );
