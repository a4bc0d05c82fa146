/** Names of budgets' holders as events give them, in the user's language. */

import { m } from '../paraglide/messages.js';

/** An origin without its scheme when that is https. */
export const bareOrigin = (origin: string): string => origin.replace(/^https:\/\//, '');

/** True if the holder of an event is the user. */
export const isUser = (text: string): boolean => text === 'the user';

/** A holder by its text in an event: `the user`, `child Lea`, `https://a.example in https://b.example`. */
export function holderNamed(text: string): string {
  if (isUser(text)) return m.budget_mine();
  const framed = /^(\S+:\/\/\S+) in (\S+:\/\/\S+)$/.exec(text);
  if (framed) return m.budget_siteIn({ site: bareOrigin(framed[1] ?? ''), page: bareOrigin(framed[2] ?? '') });
  return bareOrigin(text.replace(/^(?:app|device|child) /, ''));
}
