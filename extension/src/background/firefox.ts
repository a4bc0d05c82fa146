/** Firefox' background page: keeper and desk in one. */

import { attendDesk } from './attend.ts';
import { stayAwake } from './awake.ts';
import { attendIdle } from './idle.ts';
import { attendMenu } from './menu.ts';
import { doChore } from './desk.ts';
import { attendNavigation, PAGES } from './navigation.ts';
import { startKeeper } from '../keeper/keeper.ts';

attendDesk(async () => {});
attendMenu();
const keeper = startKeeper(doChore);
stayAwake(keeper.busy);
attendNavigation(keeper.ask);
// Firefox forgets the tab of a page that changes processes, unless somebody was told of the request when it began.
chrome.webRequest.onBeforeRequest.addListener(() => undefined, PAGES);
attendIdle(keeper.ask);
chrome.runtime.onUpdateAvailable.addListener(() => void keeper.ask({ to: 'keeper', ask: 'update' }));
