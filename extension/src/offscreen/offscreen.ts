/** Chrome's home of the wallet host. Of the browser's API this document has messages only. */

import { startWalletHost } from '../wallet-host/wallet-host.ts';

startWalletHost((message) => chrome.runtime.sendMessage(message));
