/** Start of each of the wallet's windows. */

import { createApp, type App, type AppOptions } from 'amplet-ui/app/app.svelte.ts';
import { onUnlocked, sharedSession } from './session.ts';
import type { BrowserTask, ToWalletHost } from './messages.ts';

const send = (message: BrowserTask | ToWalletHost): Promise<unknown> => chrome.runtime.sendMessage(message);

/** Makes this window's view of the wallet, to be mounted at once; opens it, and sees to it that the wallet host runs. */
export function startPage(options: Pick<AppOptions, 'sites'> = {}): App {
  const awake = send({ to: 'browser', ask: 'wake' });
  const session = sharedSession(async () => {
    await awake;
    await send({ to: 'walletHost', ask: 'unlocked' });
  });
  const app = createApp({ ...options, session });
  void follow(app);
  return app;
}

async function follow(app: App): Promise<void> {
  await app.start();
  // A panel stays open while the wallet is unlocked, made or set up in another window.
  onUnlocked(() => {
    if (app.phase === 'locked' || app.phase === 'welcome' || app.phase === 'moved') void app.reopen();
  });
  addEventListener('storage', () => void app.followSettings());
}
