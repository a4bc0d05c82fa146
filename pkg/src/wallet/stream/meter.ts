// The meter of a stream: the amount owed, and the time to pay it. Pure: it is given the time.

/** Totals of a stream's record. */
export interface Totals {
  /** Amount that the payee has received, in msat. */
  paidMsat: bigint;
  /** Amount in flight, in msat. */
  pendingMsat: bigint;
}

/** Tariff of a stream. */
export interface Tariff {
  /** Price of a second, in msat; 0 when only units are charged. */
  ratePerSecondMsat: bigint;
  /** Credit: the amount that may be used before the payee is paid, in msat. */
  creditMsat: bigint;
}

/** Millionths of a msat in one: the rate is exact by the microsecond. */
const FINE = 1_000_000n;

/** Counts what was used against what is paid. Times are ms of any steady clock. */
export class Meter {
  readonly #tariff: Tariff;
  #usedFine: bigint;
  #totals: Totals;
  #unitMsat = 0n;
  #micros: number;
  #runs = false;

  /** `usedMsat`: what an earlier run saw used; what is not paid of it is owed, as far as the payee lets anything be owed. */
  constructor(tariff: Tariff, totals: Totals, nowMs: number, usedMsat = 0n) {
    this.#tariff = tariff;
    this.#totals = totals;
    const [least, most] = [totals.paidMsat + totals.pendingMsat, totals.paidMsat + tariff.creditMsat];
    const used = usedMsat < most ? usedMsat : most;
    this.#usedFine = (used > least ? used : least) * FINE;
    this.#micros = micros(nowMs);
  }

  /** Counts the time up to `nowMs`; from then on it counts, or it does not. */
  run(nowMs: number, runs: boolean): void {
    const now = micros(nowMs);
    if (this.#runs && now > this.#micros) {
      // However late this is called (a laptop that slept), no more is used than the payee lets be used.
      const most = (this.#totals.paidMsat + this.#tariff.creditMsat) * FINE;
      const used = this.#usedFine + this.#tariff.ratePerSecondMsat * BigInt(now - this.#micros);
      if (this.#usedFine < most) this.#usedFine = used < most ? used : most;
    }
    this.#micros = Math.max(now, this.#micros);
    this.#runs = runs;
  }

  /** Counts units; a negative sum takes back what was not given. */
  add(msat: bigint): void {
    this.#usedFine += msat * FINE;
    if (msat > 0n) this.#unitMsat = msat;
  }

  /** Takes what the record says now. */
  set totals(totals: Totals) {
    this.#totals = totals;
  }

  /** Totals as last recorded. */
  get totals(): Totals {
    return this.#totals;
  }

  /** Amount used so far, in whole msat. */
  get usedMsat(): bigint {
    return this.#usedFine / FINE;
  }

  /** Amount used that has not reached the payee. */
  get unpaidMsat(): bigint {
    return positive(this.usedMsat - this.#totals.paidMsat);
  }

  /** Amount used and neither paid nor in flight. */
  get owedMsat(): bigint {
    return positive(this.usedMsat - this.#totals.paidMsat - this.#totals.pendingMsat);
  }

  /** Returns whether the payee lets nothing more be used before it is paid. */
  get isExhausted(): boolean {
    return this.unpaidMsat >= this.#tariff.creditMsat;
  }

  /**
   * Amount to pay now, in msat; 0: nothing yet. As much as fits the credit goes at once, so that there are as few payments as
   * possible: less what is used while a payment is in flight (`leadMs`), and less one more unit.
   */
  due(leadMs: number): bigint {
    const owed = this.owedMsat;
    return owed > 0n && owed >= this.#batch(leadMs) ? owed : 0n;
  }

  /** Returns the time, in ms, after which something will be due, if time alone goes by; null: time alone does not make it due. */
  dueInMs(leadMs: number): number | null {
    const rate = this.#tariff.ratePerSecondMsat;
    if (rate === 0n || !this.#runs || this.isExhausted) return null;
    const missing = positive(
      this.#batch(leadMs) * FINE - (this.#usedFine - (this.#totals.paidMsat + this.#totals.pendingMsat) * FINE),
    );
    return Math.ceil(Number(missing / rate) / 1000);
  }

  #batch(leadMs: number): bigint {
    const { creditMsat, ratePerSecondMsat } = this.#tariff;
    const lead = (ratePerSecondMsat * BigInt(Math.ceil(leadMs))) / 1000n;
    const least = creditMsat / 8n > 1n ? creditMsat / 8n : 1n;
    const batch = creditMsat - lead - this.#unitMsat;
    return batch > least ? batch : least;
  }
}

function micros(ms: number): number {
  return Math.floor(ms * 1000);
}

function positive(msat: bigint): bigint {
  return msat > 0n ? msat : 0n;
}
