/** What each of the wallet's windows does first. */

import { app } from '../../../www/src/lib/app.svelte';
import { onUnlocked, sharedSession } from './session.ts';
import type { ToDesk, ToKeeper } from './messages.ts';
import './language.ts';

const send = (message: ToDesk | ToKeeper): Promise<unknown> => chrome.runtime.sendMessage(message);

/** Opens this window's view of the wallet, and sees to it that the keeper runs. */
export async function startPage(): Promise<void> {
  const awake = send({ to: 'desk', ask: 'wake' });
  app.session = sharedSession(async () => {
    await awake;
    await send({ to: 'keeper', ask: 'unlocked' });
  });
  await app.start();
  // A panel stays open while the wallet is unlocked, made or set up in another window.
  onUnlocked(() => {
    if (app.phase === 'locked' || app.phase === 'welcome') void app.reopen();
  });
  addEventListener('storage', () => void app.followSettings());
}
