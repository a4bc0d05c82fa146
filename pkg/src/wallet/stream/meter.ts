// What a stream owes, and when to pay it. Pure: told the time, it answers.

/** What a stream's line says. */
export interface Totals {
  /** What the payee has, in msat. */
  paidMsat: bigint;
  /** What is on its way, in msat. */
  pendingMsat: bigint;
}

/** How a stream is charged. */
export interface Tariff {
  /** What a second costs, in msat; 0 when only units are charged. */
  ratePerSecondMsat: bigint;
  /** What the payee lets be used before it is paid, in msat. */
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

  /** Takes what the line says now. */
  set totals(totals: Totals) {
    this.#totals = totals;
  }

  /** What the line said last. */
  get totals(): Totals {
    return this.#totals;
  }

  /** What was used so far, in whole msat. */
  get usedMsat(): bigint {
    return this.#usedFine / FINE;
  }

  /** What was used and has not reached the payee. */
  get unpaidMsat(): bigint {
    return positive(this.usedMsat - this.#totals.paidMsat);
  }

  /** What was used and is neither paid nor on its way. */
  get owedMsat(): bigint {
    return positive(this.usedMsat - this.#totals.paidMsat - this.#totals.pendingMsat);
  }

  /** Whether the payee lets nothing more be used before it is paid. */
  get isExhausted(): boolean {
    return this.unpaidMsat >= this.#tariff.creditMsat;
  }

  /**
   * What to pay now, in msat; 0: nothing yet. As much as fits the credit goes at once, so that there are as few payments as
   * possible: less what is used while a payment is on its way (`leadMs`), and less one more unit.
   */
  due(leadMs: number): bigint {
    const owed = this.owedMsat;
    return owed > 0n && owed >= this.#batch(leadMs) ? owed : 0n;
  }

  /** In how many ms something will be due, if time goes on; null: time alone does not make it due. */
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
