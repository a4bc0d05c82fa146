/** A wallet that has too little: what there is, what it costs, and where more can come from. */

import type { Balance } from 'amplet';
import { formatAmount, satToMsat, type Unit } from 'amplet-ui/text/amounts.ts';
import { language } from 'amplet-ui/text/i18n.svelte.ts';
import { m } from 'amplet-ui/paraglide/messages.js';

/** Payment that there is too little for, in millisatoshi. */
export interface Lack {
  amountMsat: bigint;
  maxFeeMsat: bigint;
}

type Money = Pick<Balance, 'spendableMsat' | 'onchainSat' | 'reserveSat'>;

/** Says what is missing: "You have 0 sat, this costs 21 sat." */
export function lackText({ amountMsat, maxFeeMsat }: Lack, { spendableMsat }: Money, unit: Unit): string {
  const have = formatAmount(spendableMsat, unit, language.tag);
  const cost = (msat: bigint): string => formatAmount(msat, unit, language.tag, 'up');
  // Where the amount is there, it is the fee that is missing.
  if (amountMsat > spendableMsat) return m.lack_text({ have, cost: cost(amountMsat) });
  return m.lack_withFee({ have, cost: cost(amountMsat + maxFeeMsat) });
}

/** Returns what can be added from savings, in millisatoshi. */
export const fromSavings = ({ onchainSat, reserveSat }: Money): bigint =>
  onchainSat > reserveSat ? satToMsat(onchainSat - reserveSat) : 0n;
