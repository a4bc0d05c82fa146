/** What helps the holder of somebody else's budget: the wallet that pays is not theirs. */

import { m } from '../paraglide/messages.js';
import { helpFor, type Problem, type Surroundings } from './error-texts.ts';

/** What helps. */
export function heldHelp(problem: Problem, surroundings: Omit<Surroundings, 'balance'>): string {
  switch (problem.code) {
    case 'invalidInput':
      return m.held_noCode();
    case 'insufficientBalance':
      return m.held_insufficient();
    case 'approvalNeeded':
      return m.held_approval();
    case 'gatewayOffline':
      return m.held_offline();
    default:
      return helpFor(problem, { ...surroundings, balance: null });
  }
}
