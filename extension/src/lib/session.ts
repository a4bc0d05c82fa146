/** The key of the unlocked wallet, in the browser's memory: gone with the browser, a lock, an update of the extension. */

import type { UnlockedSession } from 'amplet-ui/app/unlocked.ts';

const KEY = 'unlockKey';

/** Bytes as the storage takes them, which is JSON. */
export async function keepKey(key: Uint8Array): Promise<void> {
  await chrome.storage.session.set({ [KEY]: [...key] });
}

/** `null` when the wallet is locked. */
export async function storedKey(): Promise<Uint8Array | null> {
  const { [KEY]: bytes } = await chrome.storage.session.get(KEY);
  return Array.isArray(bytes) ? Uint8Array.from(bytes as number[]) : null;
}

/** Calls `listener` whenever some window has unlocked the wallet. */
export function onUnlocked(listener: () => void): void {
  chrome.storage.session.onChanged.addListener(({ [KEY]: change }) => {
    if (change?.newValue !== undefined) listener();
  });
}

export async function forgetKey(): Promise<void> {
  await chrome.storage.session.remove(KEY);
}

/** For the wallet's windows: what one unlocks is unlocked for all. `announce` has the wallet host open it, too. */
export const sharedSession = (announce: () => Promise<unknown>): UnlockedSession => ({
  key: storedKey,
  async keep(key) {
    await keepKey(key);
    await announce();
  },
  forget: forgetKey,
});
