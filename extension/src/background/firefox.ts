/** Firefox' background page: keeper and desk in one. */

import { attendDesk } from './attend.ts';
import { attendIdle } from './idle.ts';
import { attendMenu } from './menu.ts';
import { doChore } from './desk.ts';
import { attendNavigation } from './navigation.ts';
import { startKeeper } from '../keeper/keeper.ts';

attendDesk(async () => {});
attendMenu();
const keeper = startKeeper(doChore);
attendNavigation(keeper);
attendIdle(keeper);
chrome.runtime.onUpdateAvailable.addListener(() => void keeper({ to: 'keeper', ask: 'update' }));
