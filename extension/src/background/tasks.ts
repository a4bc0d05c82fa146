/** Tasks that need the browser's windows, badge and rules. Keeps nothing: it may end after each of them. */

import { takeStep } from './navigation.ts';
import { setIdleAfter } from './idle.ts';
import { notify } from './notices.ts';
import { forgetKey, storedKey } from '../lib/session.ts';
import { openWallet } from '../lib/tabs.ts';
import type { BrowserTask } from '../lib/messages.ts';

const PROMPT_PAGE = 'approve.html';
const PROMPT_SIZE = { width: 420, height: 720 };
/** A longer link is no invoice. */
const LONGEST_LINK = 8000;

/** Does a task; returns what the message says. */
export async function runTask(message: BrowserTask): Promise<unknown> {
  switch (message.ask) {
    case 'wake':
      return undefined;
    case 'open':
      return openLink(message.text);
    case 'key':
      return storedKey();
    case 'locked':
      return forgetKey();
    case 'prompt':
      return showPrompt();
    case 'idleAfter':
      return setIdleAfter(message.minutes);
    case 'badge':
      return chrome.action.setBadgeText({ text: message.text });
    case 'notify':
      return notify(message);
    case 'step':
      return takeStep(message.step);
    case 'restart':
      return chrome.runtime.reload();
  }
}

/** Opens a link; what a content script asks for may be made up by its page. */
async function openLink(text: unknown): Promise<void> {
  if (typeof text !== 'string' || text.length > LONGEST_LINK || !/^lightning:/i.test(text)) return;
  await openWallet(`#/pay/${encodeURIComponent(text)}`);
}

/** A window in front. The wallet host asks for one at a time. */
async function showPrompt(): Promise<void> {
  await chrome.windows.create({
    url: chrome.runtime.getURL(PROMPT_PAGE),
    type: 'popup',
    focused: true,
    ...PROMPT_SIZE,
  });
}
