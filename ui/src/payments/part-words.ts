/** Words for the parts of a payment. */

import type { PartState } from 'amplet';
import { m } from '../paraglide/messages.js';
import { language } from '../text/i18n.svelte.ts';

export const STATES: Record<PartState, () => string> = {
  succeeded: m.flow_succeeded,
  pending: m.flow_pending,
  failed: m.flow_failed,
};

const ORDER = Object.keys(STATES) as PartState[];

/** Lists the states that parts are in. */
export const statesIn = (counts: Record<PartState, number>): PartState[] => ORDER.filter((state) => counts[state] > 0);

/** `Arrived: 330, In flight: 4`. */
export const countsText = (counts: Record<PartState, number>): string =>
  statesIn(counts)
    .map((state) => `${STATES[state]()}: ${counts[state].toLocaleString(language.tag)}`)
    .join(', ');
