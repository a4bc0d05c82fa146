/** A page that is about to go while money is in flight: the browser asks first. Where the wallet outlives its pages nothing is asked. */

import type { App } from './app.svelte.ts';

/** Returns whether something is under way that only an open wallet ends. */
export function isInFlight({ phase, balance, working }: App): boolean {
  if (phase !== 'open') return false;
  return working > 0 || (balance !== null && balance.pendingOutboundMsat + balance.pendingInboundMsat > 0n);
}

/** Seconds before a wallet has to be open again from which that is told as a notice. */
const SOON = 2 * 86_400;

/** Returns whether the wallet has to be open again soon. `now`: seconds since the UNIX epoch. */
export const isSoon = ({ status }: App, now: number): boolean =>
  status?.safeUntil != null && Number(status.safeUntil.at) - now < SOON;

/** Starts to ask, while something is in flight; returns how to stop. */
export function watchLeaving(app: App): () => void {
  if (app.session !== null || !isInFlight(app)) return () => {};
  const ask = (event: BeforeUnloadEvent): void => event.preventDefault();
  addEventListener('beforeunload', ask);
  return () => removeEventListener('beforeunload', ask);
}
