/** What each of the wallet's windows does first. */

import { createApp, type App, type AppOptions } from 'amplet-ui/app/app.svelte.ts';
import { onUnlocked, sharedSession } from './session.ts';
import type { ToDesk, ToKeeper } from './messages.ts';

const send = (message: ToDesk | ToKeeper): Promise<unknown> => chrome.runtime.sendMessage(message);

/** Makes this window's view of the wallet, to be mounted at once; opens it, and sees to it that the wallet host runs. */
export function startPage(options: Pick<AppOptions, 'holders'> = {}): App {
  const awake = send({ to: 'desk', ask: 'wake' });
  const session = sharedSession(async () => {
    await awake;
    await send({ to: 'keeper', ask: 'unlocked' });
  });
  const app = createApp({ ...options, session });
  void follow(app);
  return app;
}

async function follow(app: App): Promise<void> {
  await app.start();
  // A panel stays open while the wallet is unlocked, made or set up in another window.
  onUnlocked(() => {
    if (app.phase === 'locked' || app.phase === 'welcome') void app.reopen();
  });
  addEventListener('storage', () => void app.followSettings());
}
