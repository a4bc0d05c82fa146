/** Things to be paid that come to the page from outside, and what it shows while nobody looks at it. */

import { payableIn } from '../text/payable.ts';
import type { App } from './app.svelte.ts';
import { router } from './router.svelte.ts';

/** Pasted anywhere but into a field: what looks payable is shown, not paid. Returns how to stop. */
export function watchPaste(app: App): () => void {
  const paste = (event: ClipboardEvent): void => {
    const { target } = event;
    if (app.phase !== 'open' || document.querySelector('dialog[open]') !== null) return;
    if (target instanceof Element && target.closest('input, textarea, [contenteditable]') !== null) return;
    const found = payableIn(event.clipboardData?.getData('text/plain') ?? '');
    if (found === null) return;
    event.preventDefault();
    router.go('pay', found);
  };
  document.addEventListener('paste', paste);
  return () => document.removeEventListener('paste', paste);
}

/** The installed app's badge counts what arrived while nobody looked. Returns how to stop. */
export function watchBadge(app: App): () => void {
  const badge = navigator as Partial<Pick<Navigator, 'setAppBadge' | 'clearAppBadge'>>;
  let count = 0;
  const arrived = (): void => {
    if (document.visibilityState === 'visible') return;
    count += 1;
    badge.setAppBadge?.(count).catch(() => undefined); // not installed, or not allowed: there is no badge
  };
  const look = (): void => {
    if (document.visibilityState !== 'visible' || count === 0) return;
    count = 0;
    badge.clearAppBadge?.().catch(() => undefined);
  };
  const stop = app.news.onArrival(arrived);
  document.addEventListener('visibilitychange', look);
  return () => {
    stop();
    document.removeEventListener('visibilitychange', look);
  };
}
