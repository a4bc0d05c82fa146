/** Chores that need the browser's windows, badge and rules. Keeps nothing: it may end after each of them. */

import { forgetKey, storedKey } from '../lib/session.ts';
import type { ToDesk } from '../lib/messages.ts';

const PROMPT_PAGE = 'approve.html';
const PROMPT_SIZE = { width: 420, height: 680 };

/** Does what the keeper asks; answers what the message says. */
export async function doChore(message: ToDesk): Promise<unknown> {
  switch (message.ask) {
    case 'wake':
      return undefined;
    case 'key':
      return storedKey();
    case 'locked':
      return forgetKey();
    case 'prompt':
      return showPrompt();
    case 'badge':
      return chrome.action.setBadgeText({ text: message.text });
    case 'notify':
      return notify(message);
    case 'restart':
      return chrome.runtime.reload();
  }
}

/** One window, in front. */
async function showPrompt(): Promise<void> {
  const url = chrome.runtime.getURL(PROMPT_PAGE);
  const [open] = await chrome.tabs.query({ url });
  if (open?.windowId !== undefined) {
    await chrome.windows.update(open.windowId, { focused: true });
    return;
  }
  await chrome.windows.create({ url, type: 'popup', focused: true, ...PROMPT_SIZE });
}

async function notify({ id, title, message }: ToDesk & { ask: 'notify' }): Promise<void> {
  const iconUrl = chrome.runtime.getURL('icons/icon-192.png');
  await chrome.notifications.create(id, { type: 'basic', iconUrl, title, message });
}
