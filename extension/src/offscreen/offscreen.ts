/** Chrome's home of the keeper. Of the browser's API this document has messages only. */

import { startKeeper } from '../keeper/keeper.ts';

startKeeper((message) => chrome.runtime.sendMessage(message));
