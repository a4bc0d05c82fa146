/** Chrome's service worker: brings the keeper up, does its chores, and may die between any two of them. */

import { attendDesk } from './attend.ts';
import { ensureKeeper } from './keeper.ts';
import { attendIdle } from './idle.ts';
import { attendMenu } from './menu.ts';
import { attendNavigation } from './navigation.ts';
import type { ToKeeper } from '../lib/messages.ts';

attendDesk(ensureKeeper);
chrome.runtime.onStartup.addListener(() => void ensureKeeper());
chrome.runtime.onInstalled.addListener(() => void ensureKeeper());
attendMenu();
attendNavigation(askKeeper);
attendIdle(askKeeper);
// The keeper finishes its step and asks for the restart; what is unlocked is locked by it.
chrome.runtime.onUpdateAvailable.addListener(() => void askKeeper({ to: 'keeper', ask: 'update' }));

async function askKeeper(message: ToKeeper): Promise<unknown> {
  await ensureKeeper();
  return chrome.runtime.sendMessage(message);
}
