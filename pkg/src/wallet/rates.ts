import { WalletError } from '../base/error.ts';
import { AMOUNT, must, SIGNAL, TEXT } from '../base/kinds.ts';
import { named } from '../base/named.ts';
import type { FiatRate, Gateway } from '../base/protocol.ts';
import { text } from './arguments.ts';
import { ReceivingRequests } from './receiving.ts';

/** Names of {@link FiatRate}. */
const RATE = { currency: TEXT, minorUnitsPerBtc: AMOUNT, at: AMOUNT };

/** Time, in milliseconds, for a gateway's answer. */
const LIMIT_MS = 10_000;

/** Prices of bitcoin in other currencies. */
export interface Rates {
  /** Price of one bitcoin, by currency (ISO 4217): `{ EUR: 51000.5 }`. */
  readonly perBtc: Readonly<Record<string, number>>;
  /** Hosts of the sources that the gateway has them from. */
  readonly sources: readonly string[];
  /** Time of the oldest of them, in seconds since the UNIX epoch. */
  readonly at: number;
}

/**
 * Asks a gateway for the prices of bitcoin. `null`: it has none, or is away; nothing is made up.
 * @param gateway its address, or as `Wallet.open` takes it
 * @param options `signal` gives up
 * @throws {WalletError} `invalidInput`: that is no gateway's address
 */
export async function loadRates(
  gateway: string | Gateway,
  options?: { signal?: AbortSignal | undefined },
): Promise<Rates | null> {
  const { signal } = named('loadRates', options, { signal: SIGNAL });
  const address = text('gateway', typeof gateway === 'string' ? gateway : gateway?.address);
  const [, url = ''] = /^[^@]*@(\S+)$/.exec(address) ?? [];
  if (!URL.canParse(url)) throw new WalletError('invalidInput', '`gateway` is a gateway’s address: <node id>@wss://….');
  const { host, protocol } = new URL(url);
  const base = `${protocol === 'wss:' ? 'https' : 'http'}://${host}/rates/v1`;
  const limit = AbortSignal.timeout(LIMIT_MS);
  try {
    const response = await fetch(base, { signal: signal === undefined ? limit : AbortSignal.any([signal, limit]) });
    return response.status === 200 ? checked(await response.json()) : null;
  } catch {
    return null;
  }
}

/** What a gateway said, as far as it is what it should be. */
function checked(answer: unknown): Rates | null {
  if (typeof answer !== 'object' || answer === null) return null;
  const { perBtc, sources, at } = answer as Record<string, unknown>;
  if (typeof perBtc !== 'object' || perBtc === null || !Array.isArray(sources) || typeof at !== 'number') return null;
  const prices = Object.entries(perBtc).filter(
    ([currency, price]) =>
      /^[A-Z]{3}$/.test(currency) && typeof price === 'number' && Number.isFinite(price) && price > 0,
  );
  return { perBtc: Object.fromEntries(prices), sources: sources.map(String), at };
}

/** Requests about prices. */
export abstract class RateRequests extends ReceivingRequests {
  /**
   * Tells the price of bitcoin in a currency, which each payment that succeeds from now on keeps (`payment.rate`), for an hour after its
   * time. `null`: none is kept.
   * @param rate `currency` (ISO 4217); `minorUnitsPerBtc`: price of one bitcoin in its smallest units (cents); `at`: seconds since the
   * UNIX epoch at which it was asked for
   * @throws {WalletError} `invalidInput`
   */
  async setRate(rate: FiatRate | null): Promise<void> {
    if (rate !== null) {
      const { currency, minorUnitsPerBtc, at } = named('setRate', rate, RATE);
      must('currency', currency, TEXT);
      must('minorUnitsPerBtc', minorUnitsPerBtc, AMOUNT);
      must('at', at, AMOUNT);
    }
    return this.ask({ method: 'setRate', rate });
  }
}
