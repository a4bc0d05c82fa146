/**
 * The part of the extension that lasts: it holds the wallet and speaks with sites and windows. Runs in the offscreen document
 * (Chrome) or the background page (Firefox); what only the browser's service worker can do it asks of the desk.
 */

import { Vault } from './vault.ts';
import { fromExtension, isFor, type ToDesk, type ToKeeper } from '../lib/messages.ts';

/** Asks the desk; answers what the message says. */
export type Chores = (message: ToDesk) => Promise<unknown>;

export function startKeeper(chores: Chores): void {
  const vault = new Vault(chores, () => {});
  chrome.runtime.onMessage.addListener((message: unknown, sender, reply) => {
    if (!fromExtension(sender) || !isFor<ToKeeper>(message, 'keeper')) return false;
    attend(message, vault, chores).then(reply, (error: unknown) => {
      console.error('keeper', message.ask, error);
      reply(undefined);
    });
    return true;
  });
  void vault.open();
}

async function attend(message: ToKeeper, vault: Vault, chores: Chores): Promise<undefined> {
  switch (message.ask) {
    case 'unlocked':
      await vault.open();
      return;
    case 'update':
      await vault.close();
      await chores({ to: 'desk', ask: 'restart' });
  }
}
