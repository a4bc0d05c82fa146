/** Chrome's service worker: brings the keeper up, does its chores, and may die between any two of them. */

import { doChore } from './desk.ts';
import { ensureKeeper } from './keeper.ts';
import { fromExtension, isFor, type ToDesk } from '../lib/messages.ts';

async function answer(message: ToDesk): Promise<unknown> {
  if (message.ask === 'wake') await ensureKeeper();
  return doChore(message);
}

chrome.runtime.onMessage.addListener((message: unknown, sender, reply) => {
  if (!fromExtension(sender) || !isFor<ToDesk>(message, 'desk')) return false;
  answer(message).then(reply, (error: unknown) => {
    console.error('desk', message.ask, error);
    reply(undefined);
  });
  return true;
});

chrome.runtime.onStartup.addListener(() => void ensureKeeper());
chrome.runtime.onInstalled.addListener(() => void ensureKeeper());
