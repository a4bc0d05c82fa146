// Waiting for money, and a list of payments that stays true.

import { toError, type WalletError } from '../base/error.ts';
import type { Payment } from '../base/protocol.ts';

/** The wallet, as far as that needs it. */
export interface Watched {
  /** Its method of that name. */
  payment(id: string): Promise<Payment>;
  /** Its method of that name. */
  onPayment(listener: (payment: Payment) => void): () => void;
  /** As in the wallet. */
  readonly ended: Promise<WalletError>;
}

/** Waits until an invoice of this wallet is paid; see `Wallet.paid`. */
export function whenPaid(wallet: Watched, hash: string, signal: AbortSignal | undefined): Promise<Payment> {
  return new Promise((resolve, reject) => {
    const over = new AbortController();
    const fail = (error: unknown): void => {
      over.abort();
      reject(error);
    };
    const see = (payment: Payment): void => {
      if (payment.id !== hash || payment.direction !== 'inbound' || payment.state === 'pending') return;
      if (payment.state === 'failed') return fail(toError(payment.error));
      over.abort();
      resolve(payment);
    };
    const end = wallet.onPayment(see);
    over.signal.addEventListener('abort', end);
    signal?.addEventListener('abort', () => fail(signal.reason), { once: true, signal: over.signal });
    // It may have been paid before.
    wallet.payment(hash).then(see, fail);
    void wallet.ended.then(fail);
  });
}

/** The newest payments, told as a whole at each change; see `Wallet.onPayments`. */
export class PaymentList {
  readonly #known = new Map<string, Payment>();
  readonly #limit: number;
  readonly #listener: (payments: Payment[]) => void;
  #loaded = false;

  /** `limit`: number of payments that are told. */
  constructor(limit: number, listener: (payments: Payment[]) => void) {
    this.#limit = limit;
    this.#listener = listener;
  }

  /** A payment has changed. */
  change(payment: Payment): void {
    this.#known.set(keyOf(payment), payment);
    this.#tell();
  }

  /** The history's first page: what has changed since is newer. */
  load(page: readonly Payment[]): void {
    for (const payment of page) if (!this.#known.has(keyOf(payment))) this.#known.set(keyOf(payment), payment);
    this.#loaded = true;
    this.#tell();
  }

  #tell(): void {
    if (!this.#loaded) return;
    const all = [...this.#known.values()].sort((one, other) => Number(other.createdAt - one.createdAt));
    for (const old of all.splice(this.#limit)) this.#known.delete(keyOf(old));
    this.#listener(all);
  }
}

const keyOf = ({ direction, id }: Payment): string => `${direction} ${id}`;
