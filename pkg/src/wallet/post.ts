// Letters that a gateway passes on without reading them: what its mailbox and its boxes have in common.

import { describe, WalletError } from '../base/error.ts';
import type { Bytes } from './pairing/seal.ts';

/**
 * Asks a gateway. When `signal` is aborted it rejects with its reason.
 * @throws {WalletError} `gatewayOffline`: it may have come in
 */
export async function post(url: string, signal: AbortSignal, body?: Bytes): Promise<Response> {
  signal.throwIfAborted();
  try {
    return await fetch(url, {
      method: 'POST',
      body: body ?? null,
      signal,
      cache: 'no-store',
      credentials: 'omit',
      referrerPolicy: 'no-referrer',
    });
  } catch (error) {
    signal.throwIfAborted();
    const message = 'The gateway is not reached: check the connection, then try again.';
    throw new WalletError('gatewayOffline', message, [describe(error)]);
  }
}

/** Waits; rejects with the signal's reason when it is aborted. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', abort);
      resolve();
    }, ms);
    signal.addEventListener('abort', abort, { once: true });
  });
}
