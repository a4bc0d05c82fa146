/**
 * Links to budgets, and the budget of another wallet, as the pretended engine shows them. The code says how that one stands:
 * `budget1good`, `budget1away`, `budget1paused`, `budget1gone`.
 */

import type { BudgetInfo, BudgetInvoice, BudgetPayment, HandedOut } from 'amplet';
import { WalletError } from './fake-error.ts';
import { usage } from './sample-budgets.ts';
import { engineText, id, INVOICE, now } from './samples.ts';

const pause = (ms = 200): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

let links: HandedOut[] = [
  {
    id: '0a'.repeat(16),
    holder: { kind: 'child', id: 'Lea' },
    name: 'Lea',
    paused: false,
    createdAt: now() - 900_000n,
    usedAt: now() - 4_000n,
  },
];
const listeners = new Set<() => void>();

export class BudgetLinks {
  async list(): Promise<HandedOut[]> {
    return links;
  }

  onChange(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  async handOut({ holder }: Pick<HandedOut, 'holder'>): Promise<HandedOut> {
    const known = links.find((link) => link.holder.kind === holder.kind && link.holder.id === holder.id);
    if (known) return known;
    const made = {
      id: String(links.length).padStart(32, 'b'),
      holder,
      name: holder.id,
      paused: false,
      createdAt: now(),
      usedAt: null,
    };
    links = [...links, made];
    return made;
  }

  async code(): Promise<string> {
    return `budget1good${'Qm9keSBvZiBhIGxpbmsgdG8gYSBidWRnZXQ'.repeat(5)}`;
  }

  async rename(of: string, name: string): Promise<void> {
    this.#change(of, { name });
  }

  async pause(of: string): Promise<void> {
    this.#change(of, { paused: true });
  }

  async resume(of: string): Promise<void> {
    this.#change(of, { paused: false });
  }

  async takeBack(of: string): Promise<void> {
    links = links.filter((link) => link.id !== of);
  }

  #change(of: string, change: Partial<HandedOut>): void {
    links = links.map((link) => (link.id === of ? { ...link, ...change } : link));
  }
}

export const serveBudgets = (): Promise<void> => new Promise(() => undefined);

export const budgetCode = (text: string): string | null => /budget1[\w-]+(?=\s*$)/.exec(text)?.[0] ?? null;

/** The other side: a budget that was given to whoever uses this page. */
export class FakeConnectedBudget {
  readonly #code: string;
  #spentMsat = 8_900_000n;
  #payments: BudgetPayment[] = [paid(1, 'Ice cream, two scoops', 4_200_000n), failed(2), paid(3, 'A game', 4_700_000n)];

  constructor(code: string) {
    this.#code = code;
  }

  async info(): Promise<BudgetInfo> {
    await this.#answer();
    const limit = usage('calendarWeek', 10_000_000n, this.#spentMsat);
    return {
      name: 'Lea',
      kind: 'child',
      network: 'regtest',
      leftMsat: limit.leftMsat,
      usage: [limit],
      perPaymentMsat: 3_000_000n,
      askAboveMsat: null,
      expiresAt: now() + 5_000_000n,
      closed: false,
    };
  }

  async inspect(text: string): Promise<BudgetInvoice> {
    await this.#answer();
    if (!text.startsWith('ln')) throw new WalletError('invalidPaymentRequest', engineText('no invoice'));
    const dear = text.includes('dear');
    const refusal = { budget: 2, reason: 'limit', rule: 'calendarWeek', until: null } as const;
    return {
      invoice: INVOICE,
      amountMsat: dear ? 5_000_000n : 700_000n,
      paymentHash: id(90),
      description: 'Comic, volume 3',
      expiresAt: now() + 3_000n,
      network: 'regtest',
      expectedFeeMsat: 1_000n,
      maxFeeMsat: 50_000n,
      problem: dear
        ? {
            code: 'budgetRefused',
            message: engineText('the limit'),
            causes: [],
            budget: { ...refusal, limitMsat: 10_000_000n, leftMsat: 1_100_000n, neededMsat: 5_050_000n },
          }
        : null,
    };
  }

  async pay(): Promise<BudgetPayment> {
    await pause(600);
    const done = paid(90, 'Comic, volume 3', 700_000n);
    this.#spentMsat += 700_000n;
    this.#payments = [done, ...this.#payments];
    return done;
  }

  async payment(): Promise<BudgetPayment> {
    return this.#payments[0]!;
  }

  async *history(): AsyncGenerator<BudgetPayment[], void, undefined> {
    yield this.#payments;
  }

  close(): void {}

  async #answer(): Promise<void> {
    await pause();
    if (this.#code.startsWith('budget1away')) throw new WalletError('walletOffline', engineText('no answer'));
    if (this.#code.startsWith('budget1paused')) throw new WalletError('linkPaused', engineText('it is paused'));
    if (this.#code.startsWith('budget1gone')) throw new WalletError('linkTakenBack', engineText('it was taken back'));
  }
}

const entry = (number: number, description: string, amountMsat: bigint) => ({
  id: id(number),
  amountMsat,
  feeMsat: 0n,
  description,
  createdAt: now() - BigInt(number) * 40_000n,
  settledAt: now(),
});

function paid(number: number, description: string, amountMsat: bigint): BudgetPayment {
  return { ...entry(number, description, amountMsat), preimage: id(number), state: 'succeeded' };
}

function failed(number: number): BudgetPayment {
  const error = { code: 'noRoute' as const, message: engineText('no route'), causes: [] };
  return { ...entry(number, 'Bus ticket', 2_400_000n), preimage: null, state: 'failed', error };
}
