// Names of a wallet's locks, channels and workers. All are per origin.

import { WalletError } from '../base/error.ts';

/**
 * Throws unless `name` can name a wallet.
 * @throws {WalletError} `invalidInput`
 */
export function checkName(name: unknown): asserts name is string {
  if (typeof name !== 'string' || !/^[a-z0-9_-]{1,64}$/.test(name)) {
    throw new WalletError(
      'invalidInput',
      'A wallet\'s `name` is 1 to 64 of the characters a-z, 0-9, "-" and "_"; choose such a name.',
    );
  }
}

/** The Web Lock of the one engine that may write the wallet. */
export const walletLock = (name: string): string => `amplet:wallet:${name}`;

/** The Web Lock that a page or a host holds as long as it lives, so that the other side learns of its death. */
export const lifeLock = (id: string): string => `amplet:life:${id}`;

/** The BroadcastChannel on which engine hosts of a wallet find each other. */
export const hostsChannel = (name: string): string => `amplet:hosts:${name}`;

/** The name of the worker that hosts the wallet's engine; each crash moves on to the next generation. */
export const workerName = (name: string, generation: number): string => `amplet:${name}:${generation}`;

/** The reverse of {@link workerName}; `null` when it is no such name. */
export function parseWorkerName(text: string): { name: string; generation: number } | null {
  const match = /^amplet:([a-z0-9_-]{1,64}):(\d{1,9})$/.exec(text);
  return match === null ? null : { name: match[1] ?? '', generation: Number(match[2]) };
}
