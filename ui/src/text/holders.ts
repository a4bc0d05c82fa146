/** Names of budgets' holders as events give them, in the user's language. */

import { m } from '../paraglide/messages.js';

/** An origin without its scheme when that is https. */
export const bareOrigin = (origin: string): string => origin.replace(/^https:\/\//, '');

/** A holder by its text in an event: `the user`, `child Lea`, `https://a.example in https://b.example`. */
export function holderNamed(text: string): string {
  if (text === 'the user') return m.budget_mine();
  const framed = /^(\S+:\/\/\S+) in (\S+:\/\/\S+)$/.exec(text);
  if (framed) return m.budget_siteIn({ site: bareOrigin(framed[1] ?? ''), page: bareOrigin(framed[2] ?? '') });
  return bareOrigin(text.replace(/^(?:app|device|child) /, ''));
}
