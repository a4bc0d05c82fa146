/** Chrome's service worker: brings the wallet host up, does its tasks, and may die between any two of them. */

import { registerTaskListeners } from './task-listeners.ts';
import { ensureWalletHost } from './offscreen-document.ts';
import { registerIdleListeners } from './idle.ts';
import { registerMenuListeners } from './menu.ts';
import { registerNavigationListeners } from './navigation.ts';
import type { ToWalletHost } from '../lib/messages.ts';

registerTaskListeners(ensureWalletHost);
chrome.runtime.onStartup.addListener(() => void ensureWalletHost());
chrome.runtime.onInstalled.addListener(() => void ensureWalletHost());
registerMenuListeners();
registerNavigationListeners({
  ask: askWalletHost,
  tell: (message) => void chrome.runtime.sendMessage(message).catch(() => undefined),
});
registerIdleListeners(askWalletHost);
// The wallet host finishes its step and asks for the restart; what is unlocked is locked by it.
chrome.runtime.onUpdateAvailable.addListener(() => void askWalletHost({ to: 'walletHost', ask: 'update' }));

async function askWalletHost(message: ToWalletHost): Promise<unknown> {
  await ensureWalletHost();
  return chrome.runtime.sendMessage(message);
}
