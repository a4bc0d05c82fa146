/** True if the user is there, as the browser sees it: keyboard and mouse of the whole machine, and its screen lock. */

import type { ToWalletHost } from '../lib/messages.ts';

/** To be called at each start of the background. `ask` reaches the wallet host. */
export function registerIdleListeners(ask: (message: ToWalletHost) => Promise<unknown>): void {
  chrome.idle.onStateChanged.addListener((state) => void ask({ to: 'walletHost', ask: 'user', state }));
}

/** After how many minutes without a touch the user counts as gone. */
export function setIdleAfter(minutes: number): void {
  chrome.idle.setDetectionInterval(minutes * 60);
}
