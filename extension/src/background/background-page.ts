/** Firefox' background page: wallet host and background in one. */

import { registerTaskListeners } from './task-listeners.ts';
import { stayAwake } from './stay-awake.ts';
import { registerIdleListeners } from './idle.ts';
import { registerMenuListeners } from './menu.ts';
import { runTask } from './tasks.ts';
import { registerNavigationListeners, PAGES } from './navigation.ts';
import { startWalletHost } from '../wallet-host/wallet-host.ts';

registerTaskListeners(async () => {});
registerMenuListeners();
const walletHost = startWalletHost(runTask);
stayAwake(walletHost.busy);
registerNavigationListeners(walletHost.ask);
// Firefox forgets the tab of a page that changes processes, unless somebody was told of the request when it began.
chrome.webRequest.onBeforeRequest.addListener(() => undefined, PAGES);
registerIdleListeners(walletHost.ask);
chrome.runtime.onUpdateAvailable.addListener(() => void walletHost.ask({ to: 'walletHost', ask: 'update' }));
