// A gateway's boxes (crates/gateway/src/http/edge/boxes.rs): letters are put into them by name, and taken out by key.

import { WalletError, type ErrorDetails } from '../../base/error.ts';
import type { Bytes } from '../pairing/seal.ts';
import { pause, post } from '../post.ts';
import { boxName } from './seal.ts';

/** Time for which the gateway waits for a letter, in seconds. */
const WAIT_SECS = 25;
/** Pause after an answer without a letter that came sooner than that: too many wait there, or it is unwell, ms. */
const PAUSE_MS = 1000;

/** The boxes of one gateway. */
export class Boxes {
  readonly #origin: string;

  /** `origin`: the gateway's. */
  constructor(origin: string) {
    this.#origin = origin;
  }

  /**
   * Puts a letter into the box that `key` opens.
   * @throws {WalletError} as {@link Boxes.put}
   */
  async answer(key: string, letter: Bytes, signal: AbortSignal): Promise<void> {
    await this.put(await boxName(key), letter, signal);
  }

  /**
   * Puts a letter into a box. When `signal` is aborted it rejects with its reason.
   * @throws {WalletError} `walletOffline`: the box is full, since nobody takes its letters; `gatewayRefused`; both with the outcome
   * `notSent`. `gatewayOffline`: it may have come in
   */
  async put(name: string, letter: Bytes, signal: AbortSignal): Promise<void> {
    const { status } = await this.#post(`put/${name}`, signal, letter);
    if (status === 201) return;
    if (status === 409) throw offline({ outcome: 'notSent' });
    const message = `The gateway does not pass a letter on (it answered ${status}): try again in a minute.`;
    throw new WalletError('gatewayRefused', message, [], [], { outcome: 'notSent' });
  }

  /**
   * Waits for the next letter in the box that `key` opens, until `signal` is aborted: then it rejects with its reason. What is in the
   * way is waited out.
   */
  async take(key: string, signal: AbortSignal): Promise<Bytes> {
    for (;;) {
      const begun = Date.now();
      const response = await this.#post(`take/${key}?wait=${WAIT_SECS}`, signal).catch((error: unknown) => {
        signal.throwIfAborted();
        if (error instanceof WalletError) return null;
        throw error;
      });
      if (response?.status === 200) return new Uint8Array(await response.arrayBuffer());
      if (Date.now() - begun < WAIT_SECS * 500) await pause(PAUSE_MS, signal);
    }
  }

  #post(path: string, signal: AbortSignal, body?: Bytes): Promise<Response> {
    return post(`${this.#origin}/boxes/v1/${path}`, signal, body);
  }
}

/** The error of a wallet that does not take its letters. */
export const offline = (details?: ErrorDetails): WalletError =>
  new WalletError(
    'walletOffline',
    'The wallet that pays is not open just now: have it opened, then try again.',
    [],
    [],
    details,
  );
