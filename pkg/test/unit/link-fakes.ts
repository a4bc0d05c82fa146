/** A gateway's boxes, and a wallet with a budget, for tests of links. */

import { FakeWallet } from '../../src/sites/testing/fake-wallet.ts';
import { WalletError } from '../../src/base/error.ts';
import type { Authorization, Budget, Payment, Preview } from '../../src/base/protocol.ts';
import { boxName } from '../../src/wallet/links/seal.ts';

export const GATEWAY = 'https://gateway.example';

/** As crates/gateway/src/desk/boxes.rs has them. Give {@link FakeBoxes.fetch} to `vi.stubGlobal`. */
export class FakeBoxes {
  readonly #boxes = new Map<string, Uint8Array<ArrayBuffer>[]>();
  readonly #arrivals = new Set<() => void>();
  /** All letters that were put, in their order, with the box. */
  readonly put: { name: string; letter: Uint8Array<ArrayBuffer> }[] = [];
  down = false;
  /** Boxes whose letters are lost, by what of the name decides. */
  loses: (name: string) => boolean = () => false;

  readonly fetch = async (url: string, init: RequestInit): Promise<Response> => {
    if (this.down) throw new TypeError('network');
    const [, what, id = '', wait = '0'] =
      /^https:\/\/gateway\.example\/boxes\/v1\/(put|take)\/([0-9a-f]{32})(?:\?wait=(\d+))?$/.exec(url) ?? [];
    if (what === 'put') return this.add(id, new Uint8Array(init.body as Uint8Array<ArrayBuffer>));
    if (what === 'take') return this.#take(await boxName(id), Number(wait) * 1000, init.signal!);
    throw new TypeError(`no such path: ${url}`);
  };

  add(name: string, letter: Uint8Array<ArrayBuffer>): Response {
    this.put.push({ name, letter });
    const letters = this.#boxes.get(name) ?? [];
    if (letters.length >= 32) return new Response(null, { status: 409 });
    if (!this.loses(name)) this.#boxes.set(name, [...letters, letter]);
    for (const arrive of this.#arrivals) arrive();
    return new Response(null, { status: 201 });
  }

  async #take(name: string, waitMs: number, signal: AbortSignal): Promise<Response> {
    const until = Date.now() + waitMs;
    for (;;) {
      signal.throwIfAborted();
      const letter = this.#boxes.get(name)?.shift();
      if (letter !== undefined) return new Response(letter);
      if (Date.now() >= until) return new Response(null, { status: 204 });
      await new Promise<void>((resolve) => {
        const go = (): void => {
          clearTimeout(timer);
          signal.removeEventListener('abort', go);
          this.#arrivals.delete(go);
          resolve();
        };
        const timer = setTimeout(go, until - Date.now());
        signal.addEventListener('abort', go);
        this.#arrivals.add(go);
      });
    }
  }
}

let wallets = 0;

/** A pretended wallet that has one budget: of the child Mia, with a limit each month that it keeps itself. */
export class BudgetWallet extends FakeWallet {
  readonly name = `links-${wallets++}`;
  limitMsat = 1_000_000n;
  spentMsat = 0n;
  /** Number of payments that were asked of it. */
  asked = 0;
  /** Called before each payment. */
  before: () => Promise<void> = async () => {};

  override async budgetOf(holder: { kind: string; id?: string }): Promise<Budget | null> {
    if (holder.kind !== 'child' || holder.id !== 'Mia') return null;
    const leftMsat = this.limitMsat - this.spentMsat;
    return {
      id: 1,
      holder: { kind: 'child', id: 'Mia' },
      parent: null,
      rules: {
        perPaymentMsat: null,
        windows: [{ kind: 'calendar', period: 'month', limitMsat: this.limitMsat }],
        rate: null,
        totalMsat: null,
        expiresAt: 2_000_000_000n,
        askAboveMsat: null,
        purposes: [],
      },
      closed: false,
      usage: [
        {
          rule: 'calendarMonth',
          limitMsat: this.limitMsat,
          spentMsat: this.spentMsat,
          reservedMsat: 0n,
          leftMsat,
          until: 1_900_000_000n,
        },
      ],
      leftMsat,
    };
  }

  override async preview(options: { amountMsat: bigint; authorization: Authorization }): Promise<Preview> {
    return { problem: this.#refusal(options.amountMsat, options.authorization) } as unknown as Preview;
  }

  override async pay(invoice: string, options?: Parameters<FakeWallet['pay']>[1]): Promise<Payment> {
    this.asked += 1;
    await this.before();
    const found = await this.inspect(invoice);
    const amountMsat = (found.type === 'bolt11' ? found.amountMsat : null) ?? options?.amountMsat ?? 0n;
    const refusal = this.#refusal(amountMsat, options?.authorization);
    if (refusal !== null) throw refusal;
    const paid = await super.pay(invoice, options);
    this.spentMsat += amountMsat;
    return paid;
  }

  #refusal(amountMsat: bigint, authorization: Authorization | undefined): WalletError | null {
    const { holder } = authorization ?? {};
    if (holder?.kind !== 'child' || holder.id !== 'Mia')
      return new WalletError('approvalNeeded', 'This holder has no budget.');
    const leftMsat = this.limitMsat - this.spentMsat;
    if (amountMsat <= leftMsat) return null;
    const { limitMsat } = this;
    return new WalletError('budgetRefused', 'The limit is in the way.', [], [], {
      outcome: 'notSent',
      budget: {
        budget: 1,
        reason: 'limit',
        rule: 'calendarMonth',
        limitMsat,
        leftMsat,
        neededMsat: amountMsat,
        until: 1_900_000_000n,
      },
    });
  }
}
