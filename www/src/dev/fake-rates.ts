/** Prices of the pretended gateway: in the scenario `fiat` only. */

import type { Rates } from 'amplet';

const scenario = new URL(location.href).searchParams.get('scenario');

export async function loadRates(): Promise<Rates | null> {
  if (scenario !== 'fiat') return null;
  return {
    perBtc: { EUR: 51_000.5, USD: 55_120, CHF: 48_400, GBP: 43_800 },
    sources: ['mempool.space'],
    at: Math.floor(Date.now() / 1000) - 90,
  };
}
