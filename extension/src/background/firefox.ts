/** Firefox' background page: keeper and desk in one. */

import { doChore } from './desk.ts';
import { startKeeper } from '../keeper/keeper.ts';
import { fromExtension, isFor, type ToDesk } from '../lib/messages.ts';

chrome.runtime.onMessage.addListener((message: unknown, sender, reply) => {
  if (!fromExtension(sender) || !isFor<ToDesk>(message, 'desk')) return false;
  doChore(message).then(reply, (error: unknown) => {
    console.error('desk', message.ask, error);
    reply(undefined);
  });
  return true;
});
startKeeper(doChore);
