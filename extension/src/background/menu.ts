/** The page's context menu: pays the code that is in sight. */

import { m } from 'amplet-ui/paraglide/messages.js';
import { openPageCode } from '../lib/page-code.ts';
import { notify } from './notices.ts';

const ID = 'page-code';

/** To be called at each start of the background: listeners do not outlive it. */
export function registerMenuListeners(): void {
  chrome.runtime.onInstalled.addListener(() => {
    chrome.contextMenus.create({ id: ID, title: m.code_menu(), contexts: ['page', 'image', 'video'] });
  });
  chrome.contextMenus.onClicked.addListener(({ menuItemId }) => {
    if (menuItemId === ID) void look();
  });
}

async function look(): Promise<void> {
  try {
    if (await openPageCode()) return;
  } catch (error) {
    console.warn('page code', error); // a page that the browser shows to no extension
  }
  await notify({ id: ID, title: m.code_none(), message: m.code_none_text() });
}
