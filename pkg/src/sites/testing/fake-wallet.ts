/** A wallet that is none: for tests of what is built on one, without wasm, network and money. */

import { toError, WalletError } from '../../base/error.ts';
import { speakJson } from '../../base/json.ts';
import type {
  ErrorCode,
  Event,
  FiatRate,
  Inspected,
  Network,
  Payment,
  Request,
  SiteRecord,
  WalletError as ErrorData,
} from '../../base/protocol.ts';
import { AMOUNT, FILLED, FUNCTION, must, SIGNAL, TEXT, whole } from '../../base/kinds.ts';
import { named, type Names } from '../../base/named.ts';
import { NETWORK } from '../../wallet/arguments.ts';
import { Events } from '../../wallet/events.ts';
import { Requests } from '../../wallet/requests.ts';
import { PaymentList, whenPaid } from '../../wallet/watching.ts';
import type { Wallet } from '../../wallet/wallet.ts';
import { fromHex, sha256, toHex } from '../proof.ts';
import { balanceOf, begun, statusOf } from './ledger.ts';

/** Options of {@link fakeWallet}. */
export interface FakeWalletOptions {
  /** What it can spend at first, in msat; by default 1,000,000 sat. */
  readonly balanceMsat?: bigint | undefined;
  /** By default `regtest`. */
  readonly network?: Network | undefined;
}

/** An invoice of a pretended wallet, known to all of them here. */
interface Issued {
  readonly owner: FakeWallet;
  readonly preimage: string;
  readonly amountMsat: bigint | null;
  readonly description: string;
  readonly expiresAt: bigint;
}

const issued = new Map<string, Issued>();
const seconds = (): bigint => BigInt(Math.floor(Date.now() / 1000));

/**
 * A wallet in memory. All of a program know each other's invoices and pay them at once and without a fee; the proof of payment is a real
 * one. It checks what it is given as the real one does; what needs channels, a chain or budgets rejects with `internal`.
 */
export function fakeWallet(options: FakeWalletOptions = {}): FakeWallet {
  return new FakeWallet(options);
}

/** The part of a {@link Wallet} that the pretended one has beside its requests. */
type Beside = Pick<Wallet, 'close' | 'ended' | 'events' | 'lock' | 'onChange' | 'onPayment' | 'onPayments' | 'paid'>;

/** See {@link fakeWallet}. Every method rejects as the wallet's of its name does. */
export class FakeWallet extends Requests implements Beside {
  /** As in `Wallet`. */
  readonly ended: Promise<WalletError>;
  readonly #network: Network;
  readonly #nodeId = `02${toHex(crypto.getRandomValues(new Uint8Array(32)))}`;
  readonly #payments = new Map<string, Payment>();
  readonly #records = new Map<string, string>();
  readonly #events = new Events(async () => {});
  readonly #onPayment = new Set<Parameters<Wallet['onPayment']>[0]>();
  readonly #onChange = new Set<Parameters<Wallet['onChange']>[0]>();
  #end: (error: WalletError) => void = () => {};
  #balanceMsat: bigint;
  #failing: WalletError | null = null;
  #rate: FiatRate | null = null;
  #closed: WalletError | null = null;
  #eventId = 0n;
  #commits = 0n;

  /** Use {@link fakeWallet}. */
  constructor(options: FakeWalletOptions = {}) {
    super(async (request) => speakJson(await this.#answer(request)));
    const names: Names<FakeWalletOptions> = { balanceMsat: AMOUNT, network: NETWORK };
    const { balanceMsat = 1_000_000_000n, network = 'regtest' } = named('fakeWallet', options, names);
    this.#balanceMsat = balanceMsat;
    this.#network = network;
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }

  /** Has the next payment fail: it rejects with this code, and nothing is spent. */
  failNext(code: ErrorCode, message = 'The test wants it to fail.'): void {
    must('code', code, FILLED);
    this.#failing = new WalletError(code, message, [], [], { outcome: 'notSent' });
  }

  /** Somebody outside pays one of its invoices; `amountMsat` (msat) where that has none. Rejects when it is not this wallet's. */
  async payFromOutside(invoice: string, amountMsat?: bigint): Promise<Payment> {
    const found = issued.get(must('invoice', invoice, TEXT));
    if (amountMsat !== undefined) must('amountMsat', amountMsat, AMOUNT);
    if (found?.owner !== this) throw new WalletError('invalidPaymentRequest', 'This wallet made no such invoice.');
    return this.#receive(await sha256(fromHex(found.preimage)), found, found.amountMsat ?? amountMsat ?? 0n);
  }

  /** As in `Wallet`. */
  onChange(listener: Parameters<Wallet['onChange']>[0]): () => void {
    this.#onChange.add(must('listener', listener, FUNCTION));
    listener(this.#snapshot());
    return () => this.#onChange.delete(listener);
  }

  /** As in `Wallet`. */
  onPayment(listener: Parameters<Wallet['onPayment']>[0]): () => void {
    this.#onPayment.add(must('listener', listener, FUNCTION));
    return () => this.#onPayment.delete(listener);
  }

  /** As in `Wallet`: `limit` payments, until `signal` is aborted. Rejects as that. */
  async onPayments(
    listener: Parameters<Wallet['onPayments']>[0],
    options?: Parameters<Wallet['onPayments']>[1],
  ): Promise<() => void> {
    const { limit = 50, signal } = named('onPayments', options, { limit: whole(1, 100), signal: SIGNAL });
    must('listener', listener, FUNCTION);
    const list = new PaymentList(limit, listener);
    list.load((await this.history({ pageSize: limit }).next()).value ?? []);
    const end = this.onPayment((payment) => list.change(payment));
    signal?.addEventListener('abort', end, { once: true });
    return end;
  }

  /** As in `Wallet`, until `signal` is aborted. Rejects as that. */
  async paid(paymentHash: string, options?: Parameters<Wallet['paid']>[1]): Promise<Payment> {
    const { signal } = named('paid', options, { signal: SIGNAL });
    must('paymentHash', paymentHash, TEXT);
    signal?.throwIfAborted();
    return whenPaid(this, paymentHash, signal);
  }

  /** As in `Wallet`, until `signal` is aborted. */
  events(options?: Parameters<Wallet['events']>[0]): ReturnType<Wallet['events']> {
    return this.#events.iterate(named('events', options, { signal: SIGNAL }).signal);
  }

  /** As in `Wallet`. Never fails. */
  async close(): Promise<void> {
    this.#closed ??= new WalletError('closed', 'The wallet was closed in this tab: open it again.');
    this.#events.end(this.#closed);
    this.#end(this.#closed);
  }

  /** As in `Wallet`. Never fails. */
  async lock(): Promise<void> {
    return this.close();
  }

  async #answer(request: Request): Promise<unknown> {
    if (this.#closed !== null) throw this.#closed;
    switch (request.method) {
      case 'balance':
        return balanceOf(this.#balanceMsat);
      case 'status':
        return this.#snapshot().status;
      case 'receive':
        return this.#invoice(request);
      case 'cancelInvoice':
        return this.#cancel(request.id);
      case 'inspect':
        return this.#inspect(request.text, request.amountMsat);
      case 'pay':
        return this.#pay(request);
      case 'payment': {
        const found = this.#payments.get(`outbound ${request.id}`) ?? this.#payments.get(`inbound ${request.id}`);
        if (found === undefined) throw new WalletError('invalidInput', 'There is no payment of this id.');
        return { ...found };
      }
      case 'history':
        return this.#page(request.before, request.limit);
      case 'setRate':
        this.#rate = request.rate;
        return null;
      case 'siteRecord':
        return this.#records.get(request.key) ?? null;
      case 'siteRecordKeys':
        return [...this.#records.keys()].filter((key) => key.startsWith(request.prefix)).sort();
      case 'setSiteRecords':
        this.#record(request.records);
        return null;
      case 'budgets':
      case 'channels':
      case 'streams':
        return [];
      case 'budgetOf':
        return null;
      default:
        throw new WalletError('internal', `A pretended wallet has no \`${request.method}\`.`);
    }
  }

  async #invoice(request: Request & { method: 'receive' }): Promise<unknown> {
    const preimage = toHex(crypto.getRandomValues(new Uint8Array(32)));
    const id = await sha256(fromHex(preimage));
    const { amountMsat, description } = request;
    const createdAt = seconds();
    const expiresAt = createdAt + BigInt(request.expirySecs ?? 3600);
    const invoice = `lnfake${id}`;
    issued.set(invoice, { owner: this, preimage, amountMsat, description, expiresAt });
    const record = begun({ id, direction: 'inbound', amountMsat, description, invoice, createdAt, expiresAt });
    const { metadata = {} } = request;
    this.#change(Object.keys(metadata).length === 0 ? record : { ...record, metadata });
    return { invoice, paymentHash: id, expiresAt, missing: null };
  }

  #cancel(id: string): null {
    const record = this.#payments.get(`inbound ${id}`);
    if (record?.state !== 'pending')
      throw new WalletError('invalidInput', 'No unpaid invoice of this wallet has this id.');
    const error: ErrorData = { code: 'cancelled', message: 'You cancelled this invoice.', causes: [] };
    this.#change({ ...record, settledAt: seconds(), state: 'failed', error });
    return null;
  }

  async #inspect(text: string, chosenMsat: bigint | null): Promise<Inspected> {
    const invoice = text.trim().replace(/^lightning:/i, '');
    const found = issued.get(invoice);
    if (found === undefined)
      throw new WalletError('invalidPaymentRequest', 'This is no invoice of a pretended wallet: ask one to `receive`.');
    return {
      type: 'bolt11',
      amp: false,
      network: this.#network,
      invoice,
      payee: found.owner.#nodeId,
      amountMsat: found.amountMsat,
      description: found.description,
      paymentHash: await sha256(fromHex(found.preimage)),
      expiresAt: found.expiresAt,
      expectedFeeMsat: 0n,
      maxFeeMsat: 0n,
      problem: this.#problem(found, found.amountMsat ?? chosenMsat),
      askedMsat: found.amountMsat,
      others: [],
    };
  }

  #problem({ owner, expiresAt }: Issued, amountMsat: bigint | null): ErrorData | null {
    const refuse = (code: ErrorCode, message: string) => ({ code, message, causes: [] });
    if (owner === this) return refuse('invalidPaymentRequest', 'This invoice is of this very wallet.');
    if (owner.#network !== this.#network) return refuse('wrongNetwork', `This invoice is of ${owner.#network}.`);
    if (expiresAt <= seconds()) return refuse('expired', 'This invoice has expired: ask for a new one.');
    if ((amountMsat ?? 0n) > this.#balanceMsat) return refuse('insufficientBalance', 'The balance is too small.');
    return null;
  }

  async #pay({ invoice: given, amountMsat: chosen, authorization }: Request & { method: 'pay' }): Promise<Payment> {
    const { invoice, paymentHash: id, amountMsat, problem, description, expiresAt } = await this.#read(given, chosen);
    const found = issued.get(invoice)!;
    const failing = this.#failing;
    this.#failing = null;
    const earlier = this.#payments.get(`outbound ${id}`);
    if (earlier !== undefined) throw new WalletError('alreadyPaid', 'This invoice was paid before.');
    if (failing !== null) throw failing;
    if (found.owner.#payments.get(`inbound ${id}`)?.state === 'failed')
      throw toError({ code: 'payeeRefused', message: 'The payee cancelled it.', causes: [], outcome: 'notSent' });
    if (problem !== null) throw toError({ ...problem, outcome: 'notSent' });
    const amount = amountMsat ?? chosen ?? 0n;
    this.#record(authorization?.records ?? []);
    this.#balanceMsat -= amount;
    found.owner.#receive(id, found, amount);
    const createdAt = seconds();
    const record = begun({ id, direction: 'outbound', amountMsat: amount, description, invoice, createdAt, expiresAt });
    const paid = this.#succeed(record, found.preimage);
    this.#tell({ type: 'paymentSent', payment: paid });
    return paid;
  }

  /** An invoice with its amount, or the one that was chosen. */
  async #read(invoice: string, chosen: bigint | null): Promise<Inspected & { type: 'bolt11' }> {
    const found = (await this.#inspect(invoice, chosen)) as Inspected & { type: 'bolt11' };
    if ((found.amountMsat === null) === (chosen === null))
      throw new WalletError('amountMismatch', 'Give `amountMsat` for an invoice without an amount, and for no other.');
    return found;
  }

  #receive(id: string, { preimage }: Issued, amountMsat: bigint): Payment {
    const record = this.#payments.get(`inbound ${id}`)!;
    if (record.state === 'succeeded') throw new WalletError('alreadyPaid', 'This invoice was paid before.');
    this.#balanceMsat += amountMsat;
    const payment = this.#succeed({ ...record, amountMsat }, preimage);
    this.#tell({ type: 'paymentReceived', payment });
    return payment;
  }

  #succeed(record: Payment, preimage: string): Payment {
    const rate = this.#rate === null ? {} : { rate: this.#rate };
    const payment: Payment = { ...record, ...rate, preimage, settledAt: seconds(), state: 'succeeded' };
    this.#change(payment);
    return payment;
  }

  #tell(event: { type: 'paymentSent' | 'paymentReceived'; payment: Payment }): void {
    this.#events.push(speakJson({ id: (this.#eventId += 1n), at: seconds(), ...event } satisfies Event));
  }

  #change(payment: Payment): void {
    this.#commits += 1n;
    this.#payments.set(`${payment.direction} ${payment.id}`, payment);
    for (const listener of this.#onPayment) listener(speakJson({ ...payment }));
    for (const listener of this.#onChange) listener(this.#snapshot());
  }

  #snapshot(): Parameters<Parameters<Wallet['onChange']>[0]>[0] {
    const status = statusOf(this.#network, this.#nodeId, this.#commits, seconds());
    return speakJson({ status, balance: balanceOf(this.#balanceMsat) });
  }

  #page(before: string | null, limit: number): Payment[] {
    const all = [...this.#payments.values()].reverse();
    const from = before === null ? 0 : all.findIndex(({ id }) => id === before) + 1;
    return all.slice(from, from + limit).map((payment) => ({ ...payment }));
  }

  #record(records: readonly SiteRecord[]): void {
    for (const { key, value } of records)
      if (value === null) this.#records.delete(key);
      else this.#records.set(key, value);
  }
}
