/** Answers who holds links to the open wallet's budgets. */

import { serveBudgets, type Wallet } from 'amplet';

/** Begins, while a wallet is open; returns how to end it. */
export function watchLinks({ wallet }: { wallet: Wallet | null }): (() => void) | undefined {
  if (wallet === null) return undefined;
  const stop = new AbortController();
  serveBudgets(wallet, { signal: stop.signal }).catch((thrown: unknown) => console.warn('budget links', thrown));
  return () => stop.abort();
}
