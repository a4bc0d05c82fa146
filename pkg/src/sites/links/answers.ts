// What a wallet answers to the holder of a budget. What may be spent is decided by the engine, which pays from the holder's budget.

import { toData, WalletError } from '../../base/error.ts';
import type { Inspected, Payment } from '../../base/protocol.ts';
import {
  PAGE,
  told,
  type Answer,
  type BudgetInfo,
  type BudgetInvoice,
  type BudgetPayment,
  type BudgetRequest,
} from '../../wallet/links/letters.ts';
import type { Wallet } from '../../wallet/wallet.ts';
import { isUnsent, refusalOf } from '../errors.ts';
import { siteRecords } from '../wallet-store.ts';
import type { LinkRecord, LinkRecords } from './records.ts';

/** The part of a {@link Wallet} that is used. */
export type PayingWallet = Pick<Wallet, 'budgetOf' | 'inspect' | 'pay' | 'payment' | 'preview' | 'status'>;

/** For the spending report. */
const PURPOSE = 'link';
/** Characters of a description, which anybody may have written, in a letter. */
const MAX_DESCRIPTION = 300;

/** Answers requests with a wallet. */
export class Answers {
  readonly #wallet: PayingWallet;
  readonly #records: LinkRecords;

  /** `records`: that wallet's. */
  constructor(wallet: PayingWallet, records: LinkRecords) {
    this.#wallet = wallet;
    this.#records = records;
  }

  /** Never rejects. */
  async answer(link: LinkRecord, request: BudgetRequest): Promise<Answer> {
    try {
      if (link.paused) return told('linkPaused', 'This budget is paused: ask whoever gave it to you.', NOT_SENT);
      return { value: await this.#value(link, request) };
    } catch (error) {
      return failed(error);
    }
  }

  async #value(link: LinkRecord, request: BudgetRequest): Promise<unknown> {
    switch (request.method) {
      case 'info':
        return this.#info(link);
      case 'inspect':
        return this.#inspect(link, request.invoice, request.amountMsat);
      case 'pay':
        return this.#pay(link, request);
      case 'payment':
        return this.#payment(link, request.paymentHash);
      case 'history':
        return this.#history(link, request.before);
    }
  }

  async #info({ holder, name }: LinkRecord): Promise<BudgetInfo> {
    const [budget, { network }] = await Promise.all([this.#wallet.budgetOf(holder), this.#wallet.status()]);
    if (budget === null) throw new WalletError('linkTakenBack', 'There is no such budget any more.');
    const { leftMsat, usage, closed, rules } = budget;
    const { perPaymentMsat, askAboveMsat, expiresAt } = rules;
    return { name, kind: holder.kind, network, leftMsat, usage, perPaymentMsat, askAboveMsat, expiresAt, closed };
  }

  async #inspect({ holder }: LinkRecord, text: string, chosenMsat: bigint | null): Promise<BudgetInvoice> {
    const found = await this.#read(text, chosenMsat);
    const amountMsat = found.amountMsat ?? chosenMsat;
    const { invoice, paymentHash, description, expiresAt, network, expectedFeeMsat, maxFeeMsat } = found;
    const authorization = { holder, purpose: PURPOSE };
    const refusal =
      amountMsat === null ? null : (await this.#wallet.preview({ amountMsat, maxFeeMsat, authorization })).problem;
    const problem = refusal ?? found.problem;
    return {
      invoice,
      amountMsat: found.amountMsat,
      paymentHash,
      description: description.slice(0, MAX_DESCRIPTION),
      expiresAt,
      network,
      expectedFeeMsat,
      maxFeeMsat,
      problem: problem && failed(problem).error,
    };
  }

  /** Pays, or tells what became of the same invoice when it was paid by this link before. */
  async #pay(link: LinkRecord, request: BudgetRequest & { method: 'pay' }): Promise<BudgetPayment> {
    const { invoice, paymentHash } = await this.#read(request.invoice, request.amountMsat);
    const before = await this.#own(link, paymentHash);
    if (before !== null && before.state !== 'failed') return view(before);
    const records = siteRecords(await this.#records.pays(link.connection, paymentHash, Date.now()));
    try {
      const paid = await this.#wallet.pay(invoice, {
        ...(request.amountMsat !== null && { amountMsat: request.amountMsat }),
        ...(request.maxFeeMsat !== null && { maxFeeMsat: request.maxFeeMsat }),
        authorization: { holder: link.holder, purpose: PURPOSE, records },
      });
      return view(paid);
    } catch (error) {
      // Asked for twice at a time, it is paid once.
      const meanwhile = toData(error).code === 'alreadyPaid' ? await this.#own(link, paymentHash) : null;
      if (meanwhile !== null) return view(meanwhile);
      throw opened(error, paymentHash);
    }
  }

  async #payment(link: LinkRecord, paymentHash: string): Promise<BudgetPayment> {
    const found = await this.#own(link, paymentHash);
    if (found === null) throw new WalletError('invalidInput', 'Nothing was paid under this hash from this budget.');
    return view(found);
  }

  async #history({ connection }: LinkRecord, before: string | null): Promise<BudgetPayment[]> {
    const hashes = (await this.#records.paid(connection)).reverse();
    const from = before === null ? 0 : hashes.indexOf(before) + 1;
    if (before !== null && from === 0) return [];
    return Promise.all(hashes.slice(from, from + PAGE).map(async (hash) => view(await this.#wallet.payment(hash))));
  }

  /** A payment, if it is this link's. */
  async #own({ connection }: LinkRecord, paymentHash: string): Promise<Payment | null> {
    if (!(await this.#records.paid(connection)).includes(paymentHash)) return null;
    return this.#wallet.payment(paymentHash);
  }

  /** An invoice that has one payment, known by its hash. */
  async #read(text: string, chosenMsat: bigint | null): Promise<Inspected & { type: 'bolt11' }> {
    const found = await this.#wallet.inspect(text, chosenMsat === null ? {} : { amountMsat: chosenMsat });
    if (found.type !== 'bolt11' || found.amp)
      throw new WalletError('invalidPaymentRequest', 'A budget pays Lightning invoices (BOLT 11) alone.');
    return found;
  }
}

const NOT_SENT = { outcome: 'notSent' } as const;

/** The answer for a link that the wallet does not know. */
export const TAKEN_BACK = told('linkTakenBack', 'This budget was taken back: ask whoever gave it to you.', NOT_SENT);

function view(payment: Payment): BudgetPayment {
  const { id, amountMsat, feeMsat, description, preimage, createdAt, settledAt } = payment;
  const shown = {
    id,
    amountMsat,
    feeMsat,
    description: description.slice(0, MAX_DESCRIPTION),
    preimage,
    createdAt,
    settledAt,
  };
  return payment.state === 'failed'
    ? { ...shown, state: 'failed', error: failed(payment.error).error }
    : { ...shown, state: payment.state };
}

/** The error of a payment: what does not say that no funds were sent leaves it open. */
function opened(error: unknown, paymentId: string): unknown {
  const { code, message, budget } = toData(error);
  if (isUnsent(error)) return new WalletError(code, message, [], [], { budget, outcome: 'notSent' });
  return new WalletError(code, message, [], [], { budget, outcome: 'open', paymentId });
}

/** An error, without what the wallet says of its own money: a budget's holder learns of the budget alone. */
function failed(error: unknown): ReturnType<typeof told> {
  const { code, message, budget, outcome, paymentId } = toData(error);
  const isBudgets = budget !== undefined || code.startsWith('link') || code === 'invalidInput';
  const text = isBudgets
    ? message
    : (refusalOf({ code, message })?.message ?? 'The wallet that pays could not do this.');
  return told(code, text, { budget, outcome, paymentId });
}
