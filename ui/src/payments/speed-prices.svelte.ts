/** What sending on-chain money would cost at each speed, before one is chosen. */

import type { FeeRates } from 'amplet';
import type { App } from '../app/app.svelte.ts';

/** An amount, in sat, to an address, and what a speed is worth at the moment. */
export interface Order {
  address: string;
  amountSat: bigint | 'all';
  rates: FeeRates;
}

/** Time in which a number is typed on, in ms: what is asked in it is asked once. */
const TYPING_MS = 300;

/** See the head of this file. To be made while a component is. */
export class SpeedPrices {
  /** Fees, in sat; a speed at which there is too little money, or whose fee is not known yet, has none. */
  feesSat = $state.raw<Partial<Record<keyof FeeRates, bigint>>>({});

  /** `order`: what is on the screen; `null`: nothing whole yet. */
  constructor(app: App, order: () => Order | null) {
    $effect(() => {
      const asked = order();
      void app.balance?.onchainSat; // the coins decide what it costs
      this.feesSat = {};
      if (asked === null) return undefined;
      let current = true;
      const say = (found: SpeedPrices['feesSat']): void => {
        if (current) this.feesSat = found;
      };
      const timer = setTimeout(() => void pricesOf(app, asked).then(say), TYPING_MS);
      return () => {
        current = false;
        clearTimeout(timer);
      };
    });
  }
}

async function pricesOf(app: App, { address, amountSat, rates }: Order): Promise<SpeedPrices['feesSat']> {
  const found: SpeedPrices['feesSat'] = {};
  for (const speed of ['slow', 'normal', 'fast'] as const) {
    const preview = app.open.send(address, amountSat, { dryRun: true, feeRate: rates[speed] });
    const feeSat = await preview.then(
      (cost) => cost.feeSat,
      () => null, // the preview that is pressed for says what is wrong
    );
    if (feeSat !== null) found[speed] = feeSat;
  }
  return found;
}
