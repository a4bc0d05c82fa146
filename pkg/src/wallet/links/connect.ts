// The beginning of a holder's side of a budget.

import { SIGNAL } from '../../base/kinds.ts';
import { named, text } from '../arguments.ts';
import { readLink } from './code.ts';
import { ConnectedBudget } from './connected.ts';

/** Options of `Wallet.connect`. */
export interface ConnectOptions {
  /** Aborted, the connection is closed. */
  signal?: AbortSignal | undefined;
}

/**
 * Reads a link to a budget, and connects to nothing yet.
 * @throws {WalletError} `invalidInput`: it is none
 */
export function connectBudget(link: string, options?: ConnectOptions): ConnectedBudget {
  const { signal } = named('connect', options, { signal: SIGNAL });
  signal?.throwIfAborted();
  const budget = new ConnectedBudget(readLink(text('link', link)));
  signal?.addEventListener('abort', () => budget.close(), { once: true });
  return budget;
}
