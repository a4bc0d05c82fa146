/** Who may ask the desk for what. */

import { doChore } from './desk.ts';
import { fromExtension, isFor, type FromSites, type ToDesk } from '../lib/messages.ts';

const FOR_SITES: readonly FromSites['ask'][] = ['wake', 'open'];

/** Hears what is for the desk. `wake` brings the keeper up, where it is another document. */
export function attendDesk(wake: () => Promise<void>): void {
  chrome.runtime.onMessage.addListener((message: unknown, sender, reply) => {
    if (sender.id !== chrome.runtime.id || !isFor<ToDesk>(message, 'desk')) return false;
    if (!fromExtension(sender) && !FOR_SITES.some((ask) => ask === message.ask)) return false;
    const work = message.ask === 'wake' ? wake() : doChore(message);
    work.then(reply, (error: unknown) => {
      console.error('desk', message.ask, error);
      reply(undefined);
    });
    return true;
  });
}
