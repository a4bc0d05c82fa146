/** Time, a page, a network and a wallet: for the tests of streams. */

import type { WalletError } from '../../src/base/error.ts';
import type { StreamOptions, StreamWallet } from '../../src/wallet/stream/options.ts';
import { Stream } from '../../src/wallet/stream/stream.ts';
import type { StreamEnvironment } from '../../src/wallet/stream/environment.ts';
import type { Payment } from '../../src/base/protocol.ts';

/** Lets promises go on. */
export const breathe = async (): Promise<void> => {
  for (let i = 0; i < 20; i += 1) await Promise.resolve();
};

/** Time, a page and a network of the test's own. */
export class FakeEnvironment implements StreamEnvironment {
  ms = 1_000;
  timers: { at: number; work: () => void }[] = [];
  hide: (hidden: boolean) => void = () => {};
  online: (online: boolean) => void = () => {};

  now = (): number => this.ms;
  date = (): number => 1_700_000_000_000 + this.ms;
  after = (ms: number, work: () => void): (() => void) => {
    const timer = { at: this.ms + ms, work };
    this.timers.push(timer);
    return () => (this.timers = this.timers.filter((other) => other !== timer));
  };
  onHidden = (listener: (hidden: boolean) => void): (() => void) => {
    this.hide = listener;
    return () => {};
  };
  onOnline = (listener: (online: boolean) => void): (() => void) => {
    this.online = listener;
    return () => {};
  };

  async pass(ms: number): Promise<void> {
    const end = this.ms + ms;
    await breathe();
    for (;;) {
      const next = this.timers.sort((a, b) => a.at - b.at)[0];
      if (next === undefined || next.at > end) break;
      this.timers.shift();
      this.ms = Math.max(this.ms, next.at);
      next.work();
      await breathe();
    }
    this.ms = end;
  }
}

/** A wallet whose payments arrive after `tookMs`, and a payee that counts. */
export class FakeWallet implements StreamWallet {
  readonly environment: FakeEnvironment;
  tookMs = 50;
  fail = false;
  refuse: WalletError | null = null;
  sent: bigint[] = [];
  mostUnpaid = 0n;
  line: Payment;
  able: (able: boolean) => void = () => {};
  crash: (error: WalletError) => void = () => {};
  readonly ended: Promise<WalletError>;
  #listener: (payment: Payment) => void = () => {};

  constructor(environment: FakeEnvironment) {
    this.environment = environment;
    this.ended = new Promise((resolve) => (this.crash = resolve));
    this.line = {
      id: 'aa',
      amountMsat: 0n,
      feeMsat: 0n,
      state: 'pending',
      stream: { session: 's', payments: 0n, failed: 0n, pendingMsat: 0n, open: true },
    } as Payment;
  }

  onPayment = (listener: (payment: Payment) => void): (() => void) => {
    this.#listener = listener;
    return () => (this.#listener = () => {});
  };
  onAble = (listener: (able: boolean) => void): (() => void) => {
    this.able = listener;
    listener(true);
    return () => {};
  };

  #change(msat: bigint, pending: bigint, counts: { payments?: bigint; failed?: bigint }): void {
    const stream = this.line.stream;
    if (stream === undefined) return;
    this.line = {
      ...this.line,
      amountMsat: (this.line.amountMsat ?? 0n) + msat,
      stream: {
        ...stream,
        payments: stream.payments + (counts.payments ?? 0n),
        failed: stream.failed + (counts.failed ?? 0n),
        pendingMsat: stream.pendingMsat + pending,
      },
    };
  }

  async pay(_: string, amountMsat: bigint): Promise<Payment> {
    if (this.refuse !== null) throw this.refuse;
    this.sent.push(amountMsat);
    this.#change(0n, amountMsat, {});
    const answer = this.line;
    const fails = this.fail;
    this.environment.after(this.tookMs, () => {
      if (fails) this.#change(0n, -amountMsat, { failed: 1n });
      else this.#change(amountMsat, -amountMsat, { payments: 1n });
      this.#listener(this.line);
    });
    return answer;
  }

  async close(): Promise<Payment> {
    if (this.line.stream !== undefined) this.line = { ...this.line, stream: { ...this.line.stream, open: false } };
    this.#listener(this.line); // told before it is answered
    return this.line;
  }
}

export function begin(options: Partial<StreamOptions> = {}): {
  environment: FakeEnvironment;
  wallet: FakeWallet;
  stream: Stream;
} {
  const environment = new FakeEnvironment();
  const wallet = new FakeWallet(environment);
  const all: StreamOptions = {
    to: { nodeId: '02', session: 's' },
    creditMsat: 10_000n,
    ...(options.unitMsat === undefined && { ratePerSecondMsat: 1_000n }),
    ...options,
  };
  return { environment, wallet, stream: new Stream(all, wallet.line, wallet, environment) };
}
