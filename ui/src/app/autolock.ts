/** Locks after minutes without a touch in any tab; where a session outlives the pages, locking is the session's. */

import type { App } from './app.svelte.ts';
import { atRest } from './work.ts';

const KEY = 'amplet-touched';
const TOUCHES = ['pointerdown', 'keydown', 'wheel', 'touchstart'] as const;

/** Starts to watch; returns how to stop. */
export function watchIdle(app: App): () => void {
  let touched = Date.now();
  const touch = () => {
    const now = Date.now();
    if (now - touched < 1000) return;
    touched = now;
    localStorage.setItem(KEY, String(now)); // other tabs of this wallet count as well
  };
  const check = () => {
    const minutes = app.settings.autoLockMinutes;
    if (app.session !== null || minutes === 0 || (app.phase !== 'open' && app.phase !== 'moved')) return;
    const last = Math.max(touched, Number(localStorage.getItem(KEY) ?? 0) || 0);
    if (Date.now() - last >= minutes * 60_000) void atRest(() => app.lock());
  };
  for (const name of TOUCHES) addEventListener(name, touch, { passive: true, capture: true });
  document.addEventListener('visibilitychange', check);
  const timer = setInterval(check, 5000);
  return () => {
    for (const name of TOUCHES) removeEventListener(name, touch, { capture: true });
    document.removeEventListener('visibilitychange', check);
    clearInterval(timer);
  };
}
