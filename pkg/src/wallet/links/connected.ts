// A budget of another wallet, from its holder's side: requests go through a gateway, sealed, to the wallet that pays, which decides.

import { hex } from '@scure/base';
import { paymentHash as hashOf } from '../../base/bolt11.ts';
import { describe, WalletError } from '../../base/error.ts';
import { speakJson } from '../../base/json.ts';
import { orAborted } from '../abort.ts';
import { AMOUNT, SIGNAL } from '../../base/kinds.ts';
import { amount, named, text } from '../arguments.ts';
import { unseal } from '../pairing/seal.ts';
import { Boxes, offline } from './boxes.ts';
import type { BudgetLink } from './code.ts';
import {
  errorOf,
  PAGE,
  read,
  write,
  type Answer,
  type BudgetAnswers,
  type BudgetInfo,
  type BudgetInvoice,
  type BudgetPayment,
  type BudgetRequest,
} from './letters.ts';
import { sealRequest } from './seal.ts';

/** Time for which a wallet that is open takes to answer, ms. */
const ANSWER_MS = 15_000;
/** The same for a payment, which it waits for up to 60 s, ms. */
const PAY_MS = 80_000;
/** Time for which an answer shows that the wallet is open, ms. */
const OPEN_MS = 20_000;

/**
 * A budget that somebody handed out by a link; made by `Wallet.connect`. The wallet that pays decides each time; it has to be open
 * somewhere. Every method rejects with a {@link WalletError}: `walletOffline` when that wallet does not answer, `gatewayOffline`,
 * `gatewayRefused`; `linkPaused` and `linkTakenBack` when its owner has done that; `busy` when too much is asked at a time; `closed`
 * after {@link ConnectedBudget.close}.
 */
export class ConnectedBudget {
  readonly #link: BudgetLink;
  readonly #boxes: Boxes;
  readonly #answerMs: number;
  readonly #payMs: number;
  readonly #closed = new AbortController();
  /** Time of the last answer, ms since the UNIX epoch. */
  #answeredAt = 0;

  /** Use `Wallet.connect`; `answerMs` and `payMs`: time for an answer, and for one to a payment. */
  constructor(link: BudgetLink, { answerMs = ANSWER_MS, payMs = PAY_MS } = {}) {
    this.#link = link;
    this.#boxes = new Boxes(link.gateway);
    this.#answerMs = answerMs;
    this.#payMs = payMs;
  }

  /** The budget: its name, what is left of it, its limits. */
  async info(): Promise<BudgetInfo> {
    return this.#ask({ method: 'info' });
  }

  /**
   * Has the wallet read an invoice: what it asks for, at what fee, and whether it would be paid now from this budget. Does nothing.
   * @param options `amountMsat`: the amount chosen for an invoice without one, in msat
   * @throws {WalletError} `invalidPaymentRequest`
   */
  async inspect(invoice: string, options?: { amountMsat?: bigint | undefined }): Promise<BudgetInvoice> {
    const { amountMsat } = named('inspect', options, { amountMsat: AMOUNT });
    const request = { invoice: text('invoice', invoice), amountMsat: amount('amountMsat', amountMsat) };
    return this.#ask({ method: 'inspect', ...request });
  }

  /**
   * Pays a BOLT 11 invoice from the budget. Resolves with the payment when it has succeeded or failed (`state`; failed: no funds were
   * sent), or as it is, `pending`, after 60 s. The same invoice is never paid twice.
   *
   * `error.outcome` says what a rejection means: `notSent`: no funds were sent. `open`: no answer came, and the payment may succeed all
   * the same: {@link ConnectedBudget.payment} with `error.paymentId` has the end.
   * @param options `amountMsat` for an invoice without amount, in msat; `maxFeeMsat`: maximum routing fee, in msat, by default what
   * the planned routes cost; `signal`: stops the waiting, never the payment
   * @throws {WalletError} with the outcome `notSent`: `budgetRefused` and `approvalNeeded`, with why in `error.budget`;
   * `walletOffline`; `linkPaused`, `linkTakenBack`; `invalidPaymentRequest`, `wrongNetwork`, `expired`, `amountMismatch`,
   * `insufficientBalance`, `noRoute`, `feeTooHigh`. With `open`: `walletOffline`, `gatewayOffline`, `timeout`, `closed`.
   * `alreadyPaid`: the wallet paid this invoice, but not from this budget
   */
  async pay(
    invoice: string,
    options?: { amountMsat?: bigint | undefined; maxFeeMsat?: bigint | undefined; signal?: AbortSignal | undefined },
  ): Promise<BudgetPayment> {
    const { amountMsat, maxFeeMsat, signal } = named('pay', options, {
      amountMsat: AMOUNT,
      maxFeeMsat: AMOUNT,
      signal: SIGNAL,
    });
    signal?.throwIfAborted();
    const request = {
      method: 'pay' as const,
      invoice: text('invoice', invoice),
      amountMsat: amount('amountMsat', amountMsat),
      maxFeeMsat: amount('maxFeeMsat', maxFeeMsat),
    };
    const paymentId = hashOf(invoice) ?? undefined;
    const left = (): WalletError => {
      const message =
        'The payment was not waited for any longer and may still succeed: look it up before you pay again.';
      return new WalletError('timeout', message, [describe(signal?.reason)], [], { outcome: 'open', paymentId });
    };
    return orAborted(this.#pay(request, paymentId), signal, (reject) => reject(left()));
  }

  /**
   * A payment from this budget, by its hash in hex.
   * @throws {WalletError} `invalidInput` when there is none: nothing was paid
   */
  async payment(paymentHash: string): Promise<BudgetPayment> {
    return this.#ask({ method: 'payment', paymentHash: text('paymentHash', paymentHash) });
  }

  /** The payments that were made by this link, newest first, in pages: the last 100. */
  async *history(): AsyncGenerator<BudgetPayment[], void, undefined> {
    for (let before: string | null = null; ;) {
      const page: BudgetPayment[] = await this.#ask({ method: 'history', before });
      if (page.length > 0) yield page;
      if (page.length < PAGE) return;
      before = page.at(-1)!.id;
    }
  }

  /** Ends it here: whoever waits for an answer is told `closed`. The link stays good. */
  close(): void {
    this.#closed.abort(new WalletError('closed', 'This connection to a budget was closed: connect again.'));
  }

  /** A payment is asked of a wallet alone that has just answered: when it is not open, no outcome is left open. */
  async #pay(request: BudgetRequest & { method: 'pay' }, paymentId: string | undefined): Promise<BudgetPayment> {
    try {
      if (Date.now() - this.#answeredAt > OPEN_MS) await this.info();
    } catch (error) {
      throw withOutcome(error, { outcome: 'notSent' });
    }
    const answer = await this.#exchange(request, this.#payMs).catch((error: unknown) => {
      throw withOutcome(error, { outcome: 'open', paymentId });
    });
    return valueOf(answer);
  }

  async #ask<R extends BudgetRequest>(request: R): Promise<BudgetAnswers[R['method']]> {
    return valueOf(await this.#exchange(request, this.#answerMs));
  }

  async #exchange<R extends BudgetRequest>(request: R, waitMs: number): Promise<Answer<BudgetAnswers[R['method']]>> {
    this.#closed.signal.throwIfAborted();
    const { secret, publicKey, box } = this.#link;
    const id = hex.encode(crypto.getRandomValues(new Uint8Array(16)));
    const asking = write({ ...request, id, at: Math.floor(Date.now() / 1000) });
    const { letter, answer } = await sealRequest(secret, publicKey, asking);
    const waiting = new AbortController();
    const close = (): void => waiting.abort(this.#closed.signal.reason);
    const timer = setTimeout(() => waiting.abort(offline()), waitMs);
    this.#closed.signal.addEventListener('abort', close, { once: true });
    try {
      await this.#boxes.put(box, letter, waiting.signal);
      const text = await unseal(answer, await this.#boxes.take(answer.id, waiting.signal));
      this.#answeredAt = Date.now();
      return read(text) as Answer<BudgetAnswers[R['method']]>;
    } finally {
      clearTimeout(timer);
      this.#closed.signal.removeEventListener('abort', close);
    }
  }
}

/**
 * What an answer says. The wallet that pays has made it: who hands a budget out is trusted with what it says of it.
 * @throws {WalletError} what it answered
 */
function valueOf<T>(answer: Answer<T>): T {
  if ('error' in answer) throw errorOf(answer.error);
  return speakJson(answer.value);
}

/** The same error, with what it says of a payment, unless it says so itself. */
function withOutcome(
  error: unknown,
  details: { outcome: 'open' | 'notSent'; paymentId?: string | undefined },
): unknown {
  if (!(error instanceof WalletError) || error.outcome !== undefined) return error;
  const { code, message, causes, log, budget } = error;
  return new WalletError(code, message, causes, log, { budget, ...details });
}
