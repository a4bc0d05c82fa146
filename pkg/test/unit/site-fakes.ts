import { createHash, randomBytes } from 'node:crypto';
import type {
  Decision,
  InvoiceDetails,
  Json,
  PromptRequest,
  Sender,
  Site,
  SiteAuthorization,
  SiteWallet,
  Store,
  StoreChange,
  StreamReport,
} from '../../src/provider.ts';
import type { Outcome } from '../../src/sites/types.ts';

export const NOW = Date.parse('2026-11-22T20:00:00Z');
export const sha256 = (hex: string): string => createHash('sha256').update(Buffer.from(hex, 'hex')).digest('hex');
export const turn = (): Promise<void> => new Promise((done) => setImmediate(done));

export const SHOP: Sender = {
  origin: 'https://shop.example',
  topLevelOrigin: 'https://shop.example',
  tabId: 1,
  frameId: 0,
};
export const FRAMED: Sender = {
  origin: 'https://shop.example',
  topLevelOrigin: 'https://evil.example',
  tabId: 2,
  frameId: 3,
};
export const siteName = ({ origin, topLevel }: Site): string => `${origin} ${topLevel}`;

export class Failure extends Error {
  readonly code: string;
  constructor(code: string) {
    super(`the wallet's own words about ${code}: 123456 msat are left`);
    this.code = code;
  }
}

export interface Paid {
  readonly invoice: string;
  readonly amountMsat: bigint;
  readonly maxFeeMsat: bigint;
  readonly authorization: SiteAuthorization;
}

/** Invoices are `lnbcrt` and the preimage; a budget is a sum. Reserving is one step, as in the engine. */
export class FakeWallet implements SiteWallet {
  readonly store = new FakeStore();
  readonly invoices = new Map<string, InvoiceDetails>();
  readonly preimages = new Map<string, string>();
  readonly outcomes = new Map<string, Outcome>();
  readonly budgets = new Map<string, bigint>();
  readonly mine = new Map<string, { invoice: string; preimage: string | null; paid: boolean }>();
  readonly paid: Paid[] = [];
  readonly sent: Parameters<SiteWallet['keysend']>[0][] = [];
  readonly watchers = new Map<string, Set<(outcome: Outcome) => void>>();
  /** Amount that it has; a spending of it is not counted. */
  hasMsat = 10n ** 15n;
  /** How the next payments end; by default they succeed. */
  ends: ((paymentHash: string) => Outcome | Error)[] = [];

  issue(amountMsat: bigint | null = 10_000n, more: Partial<InvoiceDetails> = {}): string {
    const preimage = randomBytes(32).toString('hex');
    const paymentHash = sha256(preimage);
    // Letters and digits that a BOLT 11 text may have; the amount is not in it.
    const invoice = `lnbcrt1${preimage}`;
    this.preimages.set(paymentHash, preimage);
    this.invoices.set(invoice, {
      invoice,
      amountMsat,
      paymentHash,
      payee: `02${'11'.repeat(32)}`,
      description: 'a thing',
      expiresMs: NOW + 3_600_000,
      network: 'regtest',
      expectedFeeMsat: 400n,
      maxFeeMsat: 1_000n,
      problem: null,
      ...more,
    });
    return invoice;
  }

  preimageOf(invoice: string): string {
    return this.preimages.get(this.invoices.get(invoice)!.paymentHash)!;
  }

  async info() {
    return { alias: 'amplet', nodeId: `03${'ab'.repeat(32)}`, network: 'regtest' };
  }

  async spendableMsat() {
    return 5_000_999n;
  }

  async lacks(amountMsat: bigint) {
    return amountMsat > this.hasMsat;
  }

  async budgetLeftMsat(site: Site) {
    return this.budgets.get(siteName(site)) ?? null;
  }

  async receive({ amountMsat, description }: { amountMsat?: bigint; description: string }) {
    const invoice = this.issue(amountMsat ?? null, { description });
    const { paymentHash } = this.invoices.get(invoice)!;
    this.mine.set(paymentHash, { invoice, preimage: this.preimages.get(paymentHash)!, paid: false });
    return { invoice, paymentHash };
  }

  async inspect(invoice: string) {
    const details = this.invoices.get(invoice);
    if (!details) throw new Failure('invalidPaymentRequest');
    const lacking = (details.amountMsat ?? 0n) > this.hasMsat;
    return lacking ? { ...details, problem: new Failure('insufficientBalance') } : details;
  }

  async quoteFee() {
    return { expectedFeeMsat: 1_000n, maxFeeMsat: 2_000n };
  }

  async pay(
    details: InvoiceDetails,
    { amountMsat, maxFeeMsat, authorization }: Omit<Paid, 'invoice' | 'amountMsat'> & { amountMsat?: bigint },
  ) {
    const amount = details.amountMsat ?? amountMsat ?? 0n;
    if (amount > this.hasMsat) throw new Failure('insufficientBalance');
    this.#reserve(amount + maxFeeMsat, authorization);
    await turn();
    // The engine pays an invoice again only when it failed before.
    if ((this.outcomes.get(details.paymentHash)?.state ?? 'failed') !== 'failed') throw new Failure('alreadyPaid');
    const { records = [], ...by } = authorization;
    this.paid.push({ invoice: details.invoice, amountMsat: amount, maxFeeMsat, authorization: by });
    const end = this.ends.shift()?.(details.paymentHash) ?? {
      state: 'succeeded' as const,
      preimage: this.preimages.get(details.paymentHash)!,
    };
    // With the payment, as the engine: also of one whose answer is lost.
    if (!(end instanceof Error) || this.outcomes.has(details.paymentHash)) this.store.change(records);
    if (end instanceof Error) throw end;
    this.end(details.paymentHash, end);
    return end;
  }

  async keysend(request: Parameters<SiteWallet['keysend']>[0]): Promise<Outcome> {
    if (request.amountMsat > this.hasMsat) throw new Failure('insufficientBalance');
    this.#reserve(request.amountMsat + request.maxFeeMsat, request.authorization);
    this.sent.push(request);
    const end = this.ends.shift()?.('') ?? { state: 'succeeded' as const, preimage: '11'.repeat(32) };
    if (end instanceof Error) throw end;
    return end;
  }

  async lookup(paymentHash: string): Promise<Outcome> {
    return this.outcomes.get(paymentHash) ?? { state: 'failed', reason: 'there is no such payment' };
  }

  watch(paymentHash: string, listener: (outcome: Outcome) => void) {
    const all = this.watchers.get(paymentHash) ?? new Set();
    this.watchers.set(paymentHash, all.add(listener));
    return () => void all.delete(listener);
  }

  end(paymentHash: string, outcome: Outcome): void {
    this.outcomes.set(paymentHash, outcome);
    for (const listener of this.watchers.get(paymentHash) ?? []) listener(outcome);
  }

  async invoice(paymentHash: string) {
    return this.mine.get(paymentHash) ?? null;
  }

  async signMessage(message: string) {
    return {
      message,
      signature:
        'd9tibmnic9t5y41hg7hkakdcra94akas9ku3rmmj4ag9mritc8ok4p5qzefs78c9pqfhpuftqqzhydbdwfg7u6w6wdxcqpqn4sj4e73e',
    };
  }

  async verifyMessage({ signature }: { message: string; signature: string }) {
    return { valid: signature === 'good', nodeId: `02${'22'.repeat(32)}` };
  }

  /** As the engine: an approval answers the question, and limits hold all the same; the user has none. */
  #reserve(amount: bigint, { holder, approvedMsat }: SiteAuthorization): void {
    if (approvedMsat !== undefined && amount > approvedMsat) throw new Failure('approvalNeeded');
    if (holder.kind === 'user') return;
    const left = this.budgets.get(siteName(holder));
    if (left === undefined) {
      if (approvedMsat === undefined) throw new Failure('approvalNeeded');
      return;
    }
    if (left < amount) throw new Failure('budgetRefused');
    this.budgets.set(siteName(holder), left - amount);
  }
}

/** A store that outlives whoever uses it; what is stored has to be JSON. */
export class FakeStore implements Store {
  readonly all = new Map<string, string>();
  async get(key: string): Promise<Json | undefined> {
    const text = this.all.get(key);
    return text === undefined ? undefined : (JSON.parse(text) as Json);
  }
  async set(key: string, value: Json) {
    this.all.set(key, JSON.stringify(value));
  }
  async delete(key: string) {
    this.all.delete(key);
  }
  change(changes: readonly StoreChange[]): void {
    for (const { key, value } of changes)
      if (value === undefined) this.all.delete(key);
      else this.all.set(key, JSON.stringify(value));
  }
  async keys(prefix: string) {
    return [...this.all.keys()].filter((key) => key.startsWith(prefix));
  }
}

/** A user: answers by rule, and remembers what was asked. */
export class User {
  readonly asked: PromptRequest[] = [];
  /** How many questions were open at once, at most. */
  mostAtOnce = 0;
  answer: (question: PromptRequest) => Decision | Promise<Decision> = () => ({ allowed: true });
  #open = 0;

  readonly ask = async (question: PromptRequest): Promise<Decision> => {
    this.asked.push(question);
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#open);
    try {
      return await this.answer(question);
    } finally {
      this.#open -= 1;
    }
  };

  get kinds(): string[] {
    return this.asked.map(({ kind }) => kind);
  }
}

/** A stream's state, as the wallet tells it. */
export const report = (more: Partial<StreamReport> = {}): StreamReport => ({
  streamId: 's1',
  sessionId: 'film',
  state: 'running',
  reason: null,
  paidMsat: '0',
  owedMsat: '0',
  ...more,
});
