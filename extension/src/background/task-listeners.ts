/** Listeners for the background's tasks, and the check of who may ask for which. */

import { runTask } from './tasks.ts';
import { fromExtension, isFor, type SiteTask, type BrowserTask } from '../lib/messages.ts';

const SITE_TASKS: readonly SiteTask['ask'][] = ['wake', 'open'];

/** Hears what is for the background. `wake` brings the wallet host up, where it is another document. */
export function registerTaskListeners(wake: () => Promise<void>): void {
  chrome.runtime.onMessage.addListener((message: unknown, sender, reply) => {
    if (sender.id !== chrome.runtime.id || !isFor<BrowserTask>(message, 'browser')) return false;
    if (!fromExtension(sender) && !SITE_TASKS.some((ask) => ask === message.ask)) return false;
    const work = message.ask === 'wake' ? wake() : runTask(message);
    work.then(reply, (error: unknown) => {
      console.error('browser', message.ask, error);
      reply(undefined);
    });
    return true;
  });
}
