/** The price of bitcoin in the user's currency: asked of the gateways, told to the wallet, shown with its age. None is made up. */

import { loadRates, type FiatRate, type Gateway, type Rates as Prices, type Wallet } from 'amplet';
import { currencyOf, digitsOf } from '../text/currency.ts';

/** Key of the currency that the user chose; an empty text: none. */
const CHOSEN = 'amplet-currency.1';
/** Pause between two questions, in milliseconds. */
const EVERY_MS = 5 * 60_000;
/** Age, in seconds, from which a price is not shown any more. */
const OLD_SECS = 3600;

/** A price that can be shown. */
interface Price {
  currency: string;
  perBtc: number;
  /** Seconds since the UNIX epoch. */
  at: number;
  sources: readonly string[];
}

/** The prices that a page shows; there is one of them. */
export class Rates {
  /** The user's choice; `null`: by the language. */
  #chosen = $state<string | null>(localStorage.getItem(CHOSEN));
  #prices = $state.raw<Prices | null>(null);
  #wallet: Wallet | null = null;
  #gateways: readonly Gateway[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;

  /** The currency that is shown; `null`: none. */
  readonly currency = $derived(this.#chosen === null ? currencyOf(navigator.language) : this.#chosen || null);
  /** Currencies that there are prices in. */
  readonly offered = $derived(Object.keys(this.#prices?.perBtc ?? {}).sort());
  /** The price in it; `null`: there is none, or it is old. */
  readonly price = $derived.by((): Price | null => {
    const { currency } = this;
    const perBtc = currency === null ? undefined : this.#prices?.perBtc[currency];
    if (currency === null || perBtc === undefined || this.#prices === null) return null;
    const { at, sources } = this.#prices;
    return { currency, perBtc, at, sources };
  });

  /** Chooses a currency; `null`: none is shown. */
  choose(currency: string | null): void {
    this.#chosen = currency ?? '';
    localStorage.setItem(CHOSEN, this.#chosen);
    this.#tell();
  }

  /** Begins to ask the gateways of an open wallet. */
  follow(wallet: Wallet, gateways: readonly Gateway[]): void {
    this.stop();
    this.#wallet = wallet;
    this.#gateways = gateways;
    void this.#ask();
    this.#timer = setInterval(() => void this.#ask(), EVERY_MS);
  }

  /** Ends asking. */
  stop(): void {
    clearInterval(this.#timer);
    this.#wallet = null;
  }

  /** Asks one gateway after the other until one has prices. */
  async #ask(): Promise<void> {
    if (document.visibilityState === 'hidden' && this.#prices !== null) return;
    const wallet = this.#wallet;
    for (const gateway of this.#gateways) {
      const prices = await loadRates(gateway);
      if (wallet === null || wallet !== this.#wallet) return;
      if (prices === null) continue;
      this.#prices = prices;
      break;
    }
    if (this.#prices !== null && Date.now() / 1000 - this.#prices.at > OLD_SECS) this.#prices = null;
    this.#tell();
  }

  /** Each payment keeps the price of its moment. */
  #tell(): void {
    const { price } = this;
    const rate: FiatRate | null = price && {
      currency: price.currency,
      minorUnitsPerBtc: BigInt(Math.round(price.perBtc * 10 ** digitsOf(price.currency))),
      at: BigInt(price.at),
    };
    // A wallet that closes meanwhile keeps none.
    this.#wallet?.setRate(rate).catch(() => undefined);
  }
}
