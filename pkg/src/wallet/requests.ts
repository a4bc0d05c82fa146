import { describe, WalletError } from '../base/error.ts';
import type {
  Authorization,
  Balance,
  Budget,
  Channel,
  CustomRecord,
  FeeQuote,
  Holder,
  Inspected,
  Login,
  OnchainSend,
  Payment,
  Preview,
  Rules,
  SignedMessage,
  SiteRecord,
  Spending,
  Status,
  VerifiedMessage,
} from '../base/protocol.ts';
import { orAborted } from './abort.ts';
import { AMOUNT, FLAG, must, OBJECT, SIGNAL, TEXT, whole as wholeKind } from '../base/kinds.ts';
import {
  amount,
  authorized,
  held,
  named,
  nodeId,
  recorded,
  required,
  ruled,
  text,
  told,
  U32,
  whole,
} from './arguments.ts';
import { DeviceRequests } from './devices.ts';

/** Names of what says which channel is opened. */
const CHANNEL = { gateway: TEXT, capacitySat: AMOUNT };
/** Names of what `pay` takes. */
const PAY = { amountMsat: AMOUNT, maxFeeMsat: AMOUNT, parts: U32, authorization: true, signal: SIGNAL } as const;

/** Lines of a page of the history. */
const PAGE_SIZE = wholeKind(1, 100);

/** Requests to a wallet: each method is one to its engine. */
export abstract class Requests extends DeviceRequests {
  /** The money. */
  async balance(): Promise<Balance> {
    return this.ask({ method: 'balance' });
  }

  /** Connections, chain, warnings. */
  async status(): Promise<Status> {
    return this.ask({ method: 'status' });
  }

  /**
   * Says what a pasted or scanned text is: to whom, how much, at what fee (`expectedFeeMsat`, and `maxFeeMsat` at most), until
   * when, and whether it can be paid; `others` are the other methods of payment that it offers, each with what tells against it.
   * On-chain is named first only where no Lightning that was offered can be used: tell the user before you send (`others` with
   * `lightning`). `unsupported`: all that is offered are kinds that this wallet knows and cannot pay. Does nothing.
   * @param options `amountMsat`: the amount chosen for an invoice without one, in msat; the fee is quoted for it
   * @throws {WalletError} `invalidPaymentRequest`, `wrongNetwork`
   */
  async inspect(input: string, options?: { amountMsat?: bigint | undefined }): Promise<Inspected> {
    const { amountMsat } = named('inspect', options, { amountMsat: AMOUNT });
    return this.ask({ method: 'inspect', text: text('text', input), amountMsat: amount('amountMsat', amountMsat) });
  }

  /**
   * Quotes the fee of a payment to a node that gave no invoice, in msat: what the planned routes cost, and at most. Does nothing.
   * @param options `payee`: its node id, in hex; `amountMsat`: what it gets
   * @throws {WalletError} `invalidInput`
   */
  async quoteFee(options: { payee: string; amountMsat: bigint }): Promise<FeeQuote> {
    const { payee, amountMsat } = named('quoteFee', options, { payee: true, amountMsat: true });
    return this.ask({
      method: 'quoteFee',
      payee: text('payee', payee),
      amountMsat: required('amountMsat', amountMsat),
    });
  }

  /**
   * Pays a BOLT 11 invoice; one that asks for AMP (`inspect`: `amp`) by AMP, in parts of which the payee gets all or none.
   * Resolves with the payment when it has succeeded or failed (`state`; failed: no funds were sent), or as it is, `pending`, after
   * 60 s; then an event tells the outcome. Rejects when it was not begun, and when nobody can tell.
   *
   * `error.outcome` says which: `notSent`: no funds were sent. `open`: the wallet was closed, locked, taken over, or its engine ended,
   * while the payment was under way, which may succeed all the same. Do not pay another invoice for the same thing before you know:
   * open the wallet again, and `wallet.payment(error.paymentId)` has the end (`invalidInput`: it was never begun). The same invoice is
   * never paid twice; one for AMP is paid as often as it is asked for.
   * @param invoice The invoice, or any text in which `inspect` finds one (`lightning:…`, `bitcoin:…?lightning=…`, a sentence)
   * @param options `amountMsat` for an invoice without amount, by default what its link asks for; `parts`: number of equal parts,
   * for AMP; `maxFeeMsat`: maximum routing fee, by default what the planned routes and their retries cost (`inspect` tells it), and
   * no more than `authorization.approvedMsat` leaves; `authorization`: whose budget pays, by default the user's, and `records` that
   * are changed with it ({@link Requests.setSiteRecords});
   * `signal`: stops the waiting, never the payment. Aborted before the call it rejects with the signal's reason, and nothing is sent;
   * aborted later it rejects with `timeout`, and the outcome is `open`
   * @throws {WalletError} with the outcome `notSent`: `invalidPaymentRequest`, `wrongNetwork`, `expired`, `amountMismatch`,
   * `insufficientBalance`, `noRoute`, `feeTooHigh`, `gatewayOffline`; `approvalNeeded` and `budgetRefused`, with why in
   * `error.budget`; `closed` before the call. With `open`: `closed`, `walletCrashed`, `fenced`, `versionMismatch`, `timeout`,
   * `internal`. `alreadyPaid`: an earlier payment of this invoice succeeded or is in flight
   */
  async pay(
    invoice: string,
    options?: {
      amountMsat?: bigint | undefined;
      maxFeeMsat?: bigint | undefined;
      parts?: number | undefined;
      authorization?: Authorization | undefined;
      signal?: AbortSignal | undefined;
    },
  ): Promise<Payment> {
    const { amountMsat, maxFeeMsat, parts, authorization, signal } = named('pay', options, PAY);
    text('invoice', invoice);
    signal?.throwIfAborted();
    const paying = this.ask<Payment>({
      method: 'pay',
      invoice,
      amountMsat: amountMsat ?? null,
      maxFeeMsat: maxFeeMsat ?? null,
      parts: parts ?? null,
      authorization: authorized(authorization),
    });
    return orAborted(paying, signal, (reject) => void this.#unawaited(invoice, signal?.reason).then(reject));
  }

  /** The error of a payment that the engine has and nobody waits for any more. */
  async #unawaited(invoice: string, reason: unknown): Promise<WalletError> {
    // Whatever becomes of this question, the payment is not known to have failed.
    const found = await this.inspect(invoice).catch(() => null);
    const message =
      'The payment was not waited for any longer and may still succeed: look in the history before you pay again.';
    const paymentId = found?.type === 'bolt11' && !found.amp ? found.paymentHash : undefined;
    return new WalletError('timeout', message, [describe(reason)], [], { outcome: 'open', paymentId });
  }

  /**
   * Pays a node that gave no invoice, in one part. Resolves and rejects as {@link Requests.pay} does; `id` is the payment's hash. It
   * has no invoice to be recognised by: made again while its outcome is open, it would be paid twice.
   * @param options `payee`: its node id, in hex; `amountMsat`: what the payee gets; `records`: told to the payee, types
   * from 65536 on, each once, values in hex; `maxFeeMsat` and `authorization` as in `pay`
   * @throws {WalletError} `invalidInput`, `insufficientBalance`, `noRoute`, `payeeRefused`, `gatewayOffline`,
   * `approvalNeeded`, `budgetRefused`
   */
  async keysend(options: {
    payee: string;
    amountMsat: bigint;
    records?: CustomRecord[] | undefined;
    maxFeeMsat?: bigint | undefined;
    authorization?: Authorization | undefined;
  }): Promise<Payment> {
    const names = { payee: true, amountMsat: true, records: true, maxFeeMsat: true, authorization: true } as const;
    const { payee, amountMsat, records = [], maxFeeMsat, authorization } = named('keysend', options, names);
    return this.ask({
      method: 'keysend',
      payee: text('payee', payee),
      amountMsat: required('amountMsat', amountMsat),
      records: told('records', records),
      maxFeeMsat: amount('maxFeeMsat', maxFeeMsat),
      authorization: authorized(authorization),
    });
  }

  /**
   * The open streams, outbound and inbound, as records of the history; also those of an earlier run, which nobody drives:
   * go on with `wallet.stream()` to the same session, or close them.
   */
  async streams(): Promise<Payment[]> {
    return this.ask({ method: 'streams' });
  }

  /**
   * Ends an outbound stream by its id, also one that another page drives. Its record ends when nothing is in flight.
   * @throws {WalletError} `invalidInput` when there is none of this id
   */
  async closeStream(id: string): Promise<Payment> {
    return this.ask({ method: 'closeStream', stream: text('id', id) });
  }

  /** The history, newest first, in pages of at most `pageSize` (1 to 100) lines. */
  async *history(options?: { pageSize?: number | undefined }): AsyncGenerator<Payment[], void, undefined> {
    const { pageSize = 50 } = named('history', options, { pageSize: true });
    must('pageSize', pageSize, PAGE_SIZE);
    for (let before: string | null = null; ;) {
      const page: Payment[] = await this.ask({ method: 'history', before, limit: pageSize });
      if (page.length > 0) yield page;
      const last = page.at(-1);
      if (last === undefined || page.length < pageSize) return;
      before = last.id;
    }
  }

  /**
   * One record of the history: `id` is the payment hash of a Lightning payment, the transaction id of another.
   * @throws {WalletError} `invalidInput` when there is none of this id
   */
  async payment(id: string): Promise<Payment> {
    return this.ask({ method: 'payment', id: text('id', id) });
  }

  /** All budgets, closed ones included, as they stand; the first is the user's own. */
  async budgets(): Promise<Budget[]> {
    return this.ask({ method: 'budgets' });
  }

  /** A holder's own budget, also a closed one, as it stands; `null`: it has none. */
  async budgetOf(holder: Holder): Promise<Budget | null> {
    return this.ask({ method: 'budgetOf', holder: held('holder', holder) });
  }

  /**
   * Gives a holder a budget, which draws from `parent` if there is one. A closed budget of the holder is opened again, with
   * what it spent in windows that stay; its total begins again.
   * @param options `holder`: whose it is; `rules`: what it may spend; `parent`: the id of a budget
   * @throws {WalletError} `invalidInput`: rules that bound nothing, a holder who has an open budget, an unknown parent
   */
  async openBudget(options: { holder: Holder; rules: Rules; parent?: number | undefined }): Promise<Budget> {
    const { holder, rules, parent } = named('openBudget', options, { holder: true, rules: true, parent: true });
    return this.ask({
      method: 'openBudget',
      holder: held('holder', holder),
      rules: ruled(rules),
      parent: parent === undefined ? null : whole('parent', parent),
    });
  }

  /**
   * Changes what a budget allows: to keep a rule, give it again as it is in `Budget.rules`. What was spent in windows that stay is
   * kept; a new window begins empty.
   * @throws {WalletError} `invalidInput`
   */
  async setBudgetRules(id: number, rules: Rules): Promise<Budget> {
    return this.ask({ method: 'setBudgetRules', id: whole('id', id), rules: ruled(rules) });
  }

  /**
   * Adds to a budget's total, at most what the budget that it draws from has left.
   * @throws {WalletError} `invalidInput`; `budgetRefused` when the parent has less left
   */
  async topUpBudget(id: number, moreMsat: bigint): Promise<Budget> {
    return this.ask({ method: 'topUpBudget', id: whole('id', id), moreMsat: required('moreMsat', moreMsat) });
  }

  /**
   * Closes a budget: nothing more is paid from it, or from budgets that draw from it. What is in flight continues.
   * @throws {WalletError} `invalidInput`
   */
  async closeBudget(id: number): Promise<Budget> {
    return this.ask({ method: 'closeBudget', id: whole('id', id) });
  }

  /**
   * Says what a payment would cost at most and what the holder's budget says to it, for the window that asks the user.
   * Does nothing.
   * @param options `amountMsat`: what the payee gets; `maxFeeMsat`: the maximum fee, as `inspect` or `quoteFee` told it, by default the
   * ceiling of all quotes, 1 % and at least 50 sat; `authorization`: whose budget pays
   * @throws {WalletError} `invalidInput`
   */
  async preview(options: {
    amountMsat: bigint;
    maxFeeMsat?: bigint | undefined;
    authorization: Authorization;
  }): Promise<Preview> {
    const names = { amountMsat: true, maxFeeMsat: true, authorization: true } as const;
    const { amountMsat, maxFeeMsat, authorization } = named('preview', options, names);
    authorized(must('authorization', authorization, OBJECT));
    return this.ask({
      method: 'preview',
      amountMsat: required('amountMsat', amountMsat),
      maxFeeMsat: amount('maxFeeMsat', maxFeeMsat),
      authorization,
    });
  }

  /**
   * Reports what was spent by day, holder and purpose, as rows and as CSV.
   * @param options `from`, `to`: first and last day, such as `2026-11-22`, in the user's time zone; by default everything
   * @throws {WalletError} `invalidInput`
   */
  async spending(options?: { from?: string | undefined; to?: string | undefined }): Promise<Spending> {
    const { from, to } = named('spending', options, { from: TEXT, to: TEXT });
    return this.ask({ method: 'spending', from: from ?? null, to: to ?? null });
  }

  /**
   * Signs a text of at most 8192 bytes with this wallet's node key, as lnd and Core Lightning do (zbase32).
   * @throws {WalletError} `invalidInput`
   */
  async signMessage(message: string): Promise<SignedMessage> {
    return this.ask({ method: 'signMessage', message: text('message', message) });
  }

  /**
   * Says which node signed a text. `valid` alone proves nothing: compare `nodeId` with the one that should have signed.
   * @param signed the `message` and its `signature`, as {@link Requests.signMessage} returns it
   * @throws {WalletError} `invalidInput`
   */
  async verifyMessage(signed: { message: string; signature: string }): Promise<VerifiedMessage> {
    const { message, signature } = named('verifyMessage', signed, { message: true, signature: true });
    return this.ask({
      method: 'verifyMessage',
      message: text('message', message),
      signature: text('signature', signature),
    });
  }

  /**
   * Logs in at a domain, such as `site.com` (LNURL-auth): signs the `k1` of its link, 64 hex digits, with a key that this domain
   * alone sees and that is the same on every device with the recovery phrase (LUD-05). Ask the user first.
   * @param options `domain`: its host; `challenge`: the link's `k1`
   * @throws {WalletError} `invalidInput`
   */
  async logIn(options: { domain: string; challenge: string }): Promise<Login> {
    const { domain, challenge } = named('logIn', options, { domain: true, challenge: true });
    return this.ask({ method: 'logIn', domain: text('domain', domain), challenge: text('challenge', challenge) });
  }

  /** The channels. */
  async channels(): Promise<Channel[]> {
    return this.ask({ method: 'channels' });
  }

  /** What a channel from savings costs. @throws {WalletError} `insufficientBalance` */
  async channelCost(capacitySat: bigint): Promise<OnchainSend> {
    return this.ask({ method: 'channelCost', capacitySat: required('capacitySat', capacitySat) });
  }

  /**
   * Opens a channel to a gateway from savings. Resolves with its id when the funding is signed.
   * @param options `gateway`: a connected one, by its node id or its address `<node id>@…`; `capacitySat`: the channel's size
   * @throws {WalletError} `insufficientBalance`, `gatewayOffline`, `gatewayRefused`
   */
  async openChannel(options: { gateway: string; capacitySat: bigint }): Promise<string> {
    const { gateway, capacitySat } = named('openChannel', options, CHANNEL);
    return this.ask({
      method: 'openChannel',
      gateway: nodeId(gateway),
      capacitySat: required('capacitySat', capacitySat),
    });
  }

  /**
   * Asks a gateway to open a channel towards this wallet, within its terms. Resolves with its id.
   * @param options `gateway`: a connected one, by its node id or its address `<node id>@…`; `capacitySat`: the channel's size
   * @throws {WalletError} `gatewayOffline`, `gatewayRefused`
   */
  async requestChannel(options: { gateway: string; capacitySat: bigint }): Promise<string> {
    const { gateway, capacitySat } = named('requestChannel', options, CHANNEL);
    return this.ask({
      method: 'requestChannel',
      gateway: nodeId(gateway),
      capacitySat: required('capacitySat', capacitySat),
    });
  }

  /**
   * Closes a channel; its money goes to savings.
   * @param options `force` needs no cooperation, costs more and takes two weeks
   * @throws {WalletError} `invalidInput`: this is not a channel id; `channelUnavailable`
   */
  async closeChannel(channelId: string, options?: { force?: boolean | undefined }): Promise<void> {
    const { force = false } = named('closeChannel', options, { force: FLAG });
    await this.ask({ method: 'closeChannel', channelId: text('channelId', channelId), force });
  }

  /**
   * The text of a record of sites: what an application keeps about them, sealed in the wallet's store, and deleted with it. `null`:
   * there is none.
   * @throws {WalletError} `invalidInput`: this is no key
   */
  async siteRecord(key: string): Promise<string | null> {
    return this.ask({ method: 'siteRecord', key: text('key', key) });
  }

  /** The keys of records of sites that begin with `prefix`, sorted. */
  async siteRecordKeys(prefix: string): Promise<string[]> {
    return this.ask({ method: 'siteRecordKeys', prefix: text('prefix', prefix) });
  }

  /**
   * Changes records of sites, all or none; durable when it resolves. What speaks of a payment is given to that
   * (`authorization.records`), so that it is there exactly when the payment is.
   * @param records each `key` (1 to 700 bytes) with its `value` (at most 64 KiB); `null`: it is removed
   * @throws {WalletError} `invalidInput`; `storageFull`: the wallet has 16,384 records
   */
  async setSiteRecords(records: SiteRecord[]): Promise<void> {
    await this.ask({ method: 'setSiteRecords', records: recorded('records', records) });
  }

  /** A text for bug reports: versions, state, last log lines; no secret, no invoice, no address. */
  async diagnostics(): Promise<string> {
    return this.ask({ method: 'diagnostics' });
  }
}
