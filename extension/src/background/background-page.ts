/** Firefox' background page: wallet host and background in one. */

import { registerTaskListeners } from './task-listeners.ts';
import { stayAwake } from './stay-awake.ts';
import { registerIdleListeners } from './idle.ts';
import { registerMenuListeners } from './menu.ts';
import { runTask } from './tasks.ts';
import { registerNavigationListeners } from './navigation.ts';
import { startWalletHost } from '../wallet-host/wallet-host.ts';

registerTaskListeners(async () => {});
registerMenuListeners();
const walletHost = startWalletHost(runTask);
stayAwake(walletHost.busy);
// That somebody is told of each request when it begins also keeps Firefox from forgetting the tab of a page that changes processes.
registerNavigationListeners({ ask: walletHost.ask, tell: (message) => void walletHost.ask(message) });
registerIdleListeners(walletHost.ask);
chrome.runtime.onUpdateAvailable.addListener(() => void walletHost.ask({ to: 'walletHost', ask: 'update' }));
