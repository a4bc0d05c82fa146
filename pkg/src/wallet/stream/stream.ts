import { bindMethods } from '../../base/bound.ts';
import { toError, WalletError } from '../../base/error.ts';
import { FUNCTION, must } from '../../base/kinds.ts';
import type { Payment } from '../../base/protocol.ts';
import { notify } from '../notify.ts';
import type { StreamEnvironment } from './environment.ts';
import { Meter } from './meter.ts';
import type { StreamEnd, StreamOptions, StreamPause, StreamState, StreamWallet } from './options.ts';

interface Waiting {
  msat: bigint;
  resolve: () => void;
  reject: (error: WalletError) => void;
}

/** Time, in ms, that a payment may be late by what was measured, beside twice its way: a timer's grain. */
const GRAIN_MS = 20;
/** Assumed until a payment was measured. */
const FIRST_LEAD_MS = 200;
const LONGEST_RETRY_MS = 30_000;
/** A budget that will give money again within so long is waited for. */
const PATIENCE_MS = 60_000;
/** After so long, or so many failures, a stream that is stopped leaves the rest unpaid. */
const STOP_LIMIT_MS = 30_000;
const STOP_FAILURES = 3;

/** Money that flows to one session: per second, per unit, or both. Made by `wallet.stream()`; runs at once. */
export class Stream {
  /** Its id in the history. */
  readonly id: string;

  readonly #options: StreamOptions;
  readonly #wallet: StreamWallet;
  readonly #environment: StreamEnvironment;
  readonly #meter: Meter;
  readonly #listeners = new Set<(state: StreamState) => void>();
  readonly #pauses = new Set<StreamPause>();
  readonly #endings: (() => void)[] = [];
  #waiting: Waiting[] = [];
  #record: Payment;
  #sentMs: number[] = [];
  #tookMs: number[] = [];
  #failures = 0;
  #retryMs = 0;
  #busy = false;
  /** Amount being handed to the wallet: not in flight yet, and perhaps soon. */
  #handedMsat = 0n;
  #closing = false;
  #error: WalletError | null = null;
  #ended = false;
  #stopMs: number | null = null;
  #stopped: ((end: StreamEnd | WalletError) => void)[] = [];
  #timer: () => void = () => {};

  /** For `wallet.stream()`. `record`: the open stream's. */
  constructor(options: StreamOptions, record: Payment, wallet: StreamWallet, environment: StreamEnvironment) {
    bindMethods(this);
    this.id = record.id;
    this.#options = options;
    this.#wallet = wallet;
    this.#environment = environment;
    this.#record = record;
    const tariff = { ratePerSecondMsat: options.ratePerSecondMsat ?? 0n, creditMsat: options.creditMsat };
    this.#meter = new Meter(tariff, totals(record), environment.now(), options.usedMsat);
    this.#endings.push(
      wallet.onPayment((payment) => this.#changed(payment, false)),
      wallet.onAble((able) => this.#pause('offline', !able)),
      environment.onOnline((online) => this.#pause('offline', !online)),
    );
    if (options.pauseWhenHidden ?? true)
      this.#endings.push(environment.onHidden((hidden) => this.#pause('hidden', hidden)));
    void wallet.ended.then((error) => this.#end(error));
    this.#step();
  }

  /** Its state now. */
  get state(): StreamState {
    const { feeMsat, stream } = this.#record;
    const { paidMsat, pendingMsat } = this.#meter.totals;
    if (!this.#ended) this.#meter.run(this.#environment.now(), this.#runs());
    const paused = this.#ended ? null : this.#paused();
    return {
      paidMsat,
      feeMsat: feeMsat ?? 0n,
      pendingMsat,
      owedMsat: this.#meter.owedMsat,
      payments: stream?.payments ?? 0n,
      failed: stream?.failed ?? 0n,
      ratePerSecondMsat: paused === null && this.#runs() ? (this.#options.ratePerSecondMsat ?? 0n) : 0n,
      paused,
      error: this.#error,
      ended: this.#ended,
    };
  }

  /** Calls `listener` with each change of its state, now first. Returns a function that ends that. */
  onChange(listener: (state: StreamState) => void): () => void {
    this.#listeners.add(must('listener', listener, FUNCTION));
    listener(this.state);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Uses `units` more (of `unitMsat` each). Resolves when the payee's credit covers them: give what they are for then.
   * @throws {WalletError} `budgetRefused`, `approvalNeeded`, `closed`, `invalidInput`: they are not charged
   */
  add(units: bigint = 1n): Promise<void> {
    const { unitMsat } = this.#options;
    if (unitMsat === undefined || typeof units !== 'bigint' || units < 1n) {
      return Promise.reject(
        new WalletError('invalidInput', '`units` is a bigint from 1n, for a stream that was opened with `unitMsat`.'),
      );
    }
    if (this.#ended || this.#stopMs !== null)
      return Promise.reject(new WalletError('closed', 'This stream has ended: open a new one.'));
    // The budget has said no to what was used already.
    if (this.#retryMs === Infinity && this.#error !== null) return Promise.reject(this.#error);
    const msat = units * unitMsat;
    this.#meter.add(msat);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ msat, resolve, reject });
      this.#step();
    });
  }

  /** Pauses it; what is owed is paid. */
  pause(): void {
    this.#pause('caller', true);
  }

  /** Goes on after `pause()`; tries again at once when the budget refused or payments failed. */
  resume(): void {
    this.#clear();
    this.#pause('caller', false);
  }

  /**
   * Ends it: pays what is owed to the millisatoshi, waits until nothing is in flight (at most 30 s), and closes its record.
   * @throws {WalletError} `closed`, `walletCrashed`, `fenced` when the wallet ended before
   */
  stop(): Promise<StreamEnd> {
    return new Promise((resolve, reject) => {
      this.#stopped.push((end) => (end instanceof WalletError ? reject(end) : resolve(end)));
      if (this.#ended)
        return this.#notifyStopped(this.#error ?? new WalletError('closed', 'This stream has ended already.'));
      if (this.#stopMs !== null) return;
      this.#stopMs = this.#environment.now() + STOP_LIMIT_MS;
      this.#turnAway(new WalletError('closed', 'This stream was stopped.'));
      this.#step();
    });
  }

  #runs(): boolean {
    return !this.#ended && this.#stopMs === null && this.#pauses.size === 0;
  }

  #paused(): StreamPause | null {
    for (const reason of ['offline', 'caller', 'hidden', 'budget', 'failing'] as const) {
      if (this.#pauses.has(reason)) return reason;
    }
    return this.#meter.isExhausted ? 'credit' : null;
  }

  #pause(reason: StreamPause, is: boolean): void {
    if (is) this.#pauses.add(reason);
    else this.#pauses.delete(reason);
    this.#step();
  }

  #clear(): void {
    this.#pauses.delete('budget');
    this.#pauses.delete('failing');
    this.#failures = 0;
    this.#retryMs = 0;
    this.#error = null;
  }

  /** Counts the time, pays what is due, and says when to look again. */
  #step(): void {
    if (this.#ended) return;
    const now = this.#environment.now();
    this.#meter.run(now, this.#runs());
    this.#serve();
    const amount = this.#payable(now);
    if (amount > 0n) void this.#pay(amount);
    else if (this.#stopMs !== null && !this.#busy && this.#hasSettled(now)) void this.#close();
    this.#notify();
    this.#plan(now);
  }

  #payable(now: number): bigint {
    if (this.#busy || this.#pauses.has('offline') || now < this.#retryMs) return 0n;
    // Nothing more will be used for now: what is owed goes.
    const settles = !this.#runs();
    return settles ? this.#meter.owedMsat : this.#meter.due(this.#leadMs());
  }

  #hasSettled(now: number): boolean {
    const blocked = this.#pauses.has('offline') || this.#pauses.has('budget') || this.#failures >= STOP_FAILURES;
    const { pendingMsat } = this.#meter.totals;
    return (
      (this.#meter.owedMsat === 0n && pendingMsat === 0n) ||
      (blocked && pendingMsat === 0n) ||
      now >= (this.#stopMs ?? now)
    );
  }

  #plan(now: number): void {
    this.#timer();
    const waits = [
      this.#meter.dueInMs(this.#leadMs()),
      this.#retryMs > now ? this.#retryMs - now : null,
      this.#stopMs === null ? null : this.#stopMs - now,
    ];
    const next = waits.filter((ms) => ms !== null).reduce((least, ms) => Math.min(least, Math.max(ms, 1)), Infinity);
    this.#timer =
      Number.isFinite(next) && !this.#busy
        ? this.#environment.after(Math.min(next, LONGEST_RETRY_MS), () => this.#step())
        : () => {};
  }

  async #pay(amountMsat: bigint): Promise<void> {
    this.#busy = true;
    this.#handedMsat = amountMsat;
    this.#sentMs.push(this.#environment.now());
    try {
      this.#changed(await this.#wallet.pay(this.id, amountMsat, this.#options.maxFeeMsat ?? null), true);
      this.#handedMsat = 0n;
    } catch (caught) {
      this.#handedMsat = 0n;
      this.#sentMs.pop();
      this.#refused(toError(caught));
    } finally {
      this.#busy = false;
    }
    this.#step();
  }

  #refused(error: WalletError): void {
    if (['closed', 'walletCrashed', 'fenced', 'versionMismatch', 'invalidInput'].includes(error.code))
      return this.#end(error);
    this.#error = error;
    if (error.code === 'budgetRefused' || error.code === 'approvalNeeded') {
      this.#pauses.add('budget');
      const untilMs = Number(error.budget?.until ?? 0n) * 1000 - this.#environment.date();
      this.#retryMs = untilMs > 0 && untilMs < PATIENCE_MS ? this.#environment.now() + untilMs : Infinity;
      if (this.#retryMs === Infinity) this.#turnAway(error);
      return;
    }
    this.#fail();
  }

  #fail(): void {
    this.#failures += 1;
    this.#pauses.add('failing');
    this.#retryMs = this.#environment.now() + Math.min(LONGEST_RETRY_MS, 250 * 2 ** this.#failures);
  }

  /** A change of the record. One that is older than what is known is left out: answers and notices come by two ways. */
  #changed(payment: Payment, isAnswer: boolean): void {
    const { stream } = payment;
    if (this.#ended || payment.id !== this.id || stream === undefined) return;
    const known = this.#record.stream;
    const before = (known?.payments ?? 0n) + (known?.failed ?? 0n);
    const ended = stream.payments + stream.failed;
    if (ended < before || (ended === before && !isAnswer)) return;
    const arrived = stream.payments > (known?.payments ?? 0n);
    const failed = stream.failed > (known?.failed ?? 0n);
    this.#record = payment;
    this.#meter.totals = totals(payment);
    this.#measure(Number(ended - before), stream.pendingMsat);
    if (arrived) this.#clear();
    if (failed && !arrived) {
      this.#error = stream.lastError === undefined ? null : toError(stream.lastError);
      this.#fail();
    }
    if (!stream.open && !this.#closing) return this.#end(new WalletError('closed', 'This stream was ended elsewhere.'));
    if (!isAnswer) this.#step();
  }

  #measure(ended: number, pendingMsat: bigint): void {
    const now = this.#environment.now();
    for (const sent of this.#sentMs.splice(0, ended)) this.#tookMs.push(now - sent);
    if (pendingMsat === 0n && !this.#busy) this.#sentMs = [];
    this.#tookMs = this.#tookMs.slice(-8);
  }

  /** Time until a payment that leaves now has arrived, in ms: twice the longest of the last ones. */
  #leadMs(): number {
    return this.#tookMs.length === 0 ? FIRST_LEAD_MS : 2 * Math.max(...this.#tookMs) + GRAIN_MS;
  }

  /** Those whose units the credit covers may have them, in their order. */
  #serve(): void {
    let beyond = this.#meter.unpaidMsat - this.#options.creditMsat;
    let served = this.#waiting.length;
    while (served > 0 && beyond > 0n) {
      served -= 1;
      beyond -= this.#waiting[served]?.msat ?? 0n;
    }
    // What is waited for beyond the credit is owed, and not given yet; one that is larger than the credit is given when paid.
    for (const { resolve } of this.#waiting.splice(0, served)) resolve();
  }

  /** Those whose units are not paid for get none; what is in flight for others arrives, and they get theirs. */
  #turnAway(error: WalletError): void {
    for (
      let last = this.#waiting.at(-1);
      last && last.msat <= this.#meter.owedMsat - this.#handedMsat;
      last = this.#waiting.at(-1)
    ) {
      this.#waiting.pop();
      this.#meter.add(-last.msat);
      last.reject(error);
    }
  }

  async #close(): Promise<void> {
    this.#busy = true;
    this.#closing = true;
    this.#turnAway(this.#error ?? new WalletError('closed', 'This stream was stopped.'));
    const unpaidMsat = this.#meter.owedMsat;
    try {
      const payment = await this.#wallet.close(this.id);
      this.#record = payment;
      this.#meter.totals = totals(payment);
      this.#finish(this.#error, { payment, unpaidMsat });
    } catch (caught) {
      this.#end(toError(caught));
    }
  }

  #end(error: WalletError): void {
    if (!this.#ended) this.#finish(error, error);
  }

  #finish(error: WalletError | null, end: StreamEnd | WalletError): void {
    this.#meter.run(this.#environment.now(), false);
    this.#ended = true;
    this.#error = error;
    this.#timer();
    for (const ending of this.#endings) ending();
    for (const { reject } of this.#waiting.splice(0))
      reject(error ?? new WalletError('closed', 'This stream has ended.'));
    this.#notify();
    this.#notifyStopped(end);
  }

  #notifyStopped(end: StreamEnd | WalletError): void {
    for (const notify of this.#stopped.splice(0)) notify(end);
  }

  #notify(): void {
    if (this.#listeners.size === 0) return;
    const state = this.state;
    notify(this.#listeners, state);
  }
}

function totals({ amountMsat, stream }: Payment): { paidMsat: bigint; pendingMsat: bigint } {
  return { paidMsat: amountMsat ?? 0n, pendingMsat: stream?.pendingMsat ?? 0n };
}
