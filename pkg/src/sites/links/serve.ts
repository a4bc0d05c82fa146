// Answers the holders of a wallet's budgets, as long as the wallet is open: requests come into one box of each gateway that its links
// name.

import { WalletError } from '../../base/error.ts';
import { having, must, SIGNAL } from '../../base/kinds.ts';
import { named } from '../../wallet/arguments.ts';
import { Boxes } from '../../wallet/links/boxes.ts';
import { readAsking, told, write, type Answer, type Asking } from '../../wallet/links/letters.ts';
import { exchangeKeys, openRequest, type ExchangeKeys } from '../../wallet/links/seal.ts';
import { seal, unseal, type Bytes } from '../../wallet/pairing/seal.ts';
import type { Wallet } from '../../wallet/wallet.ts';
import { WalletStore, type RecordKeeper } from '../wallet-store.ts';
import { Answers, TAKEN_BACK, type PayingWallet } from './answers.ts';
import { channelName } from './links.ts';
import { LinkRecords, type LinkRecord, type OwnKeys } from './records.ts';

/** The part of a {@link Wallet} that is used. */
export type ServingWallet = PayingWallet & RecordKeeper & Pick<Wallet, 'ended' | 'name'>;

/** Requests of one link at a time, and in all. */
const [MAX_OF_LINK, MAX_REQUESTS] = [4, 64];
/** Requests whose answers are known again, when the same comes once more. */
const MAX_ANSWERED = 256;
/** Time after which a use is noted again, in seconds. */
const USE_SECS = 300;

/**
 * Answers whoever holds a link to one of the wallet's budgets ({@link BudgetLinks}), and pays what their budgets allow: while this wallet
 * is open, and in one of its pages at a time. Resolves when `signal` is aborted or the wallet has ended.
 * @throws {WalletError} `invalidInput`
 */
export async function serveBudgets(
  wallet: ServingWallet,
  options?: { signal?: AbortSignal | undefined },
): Promise<void> {
  must('wallet', wallet, having('an open `Wallet`', 'budgetOf', 'siteRecord', 'pay'));
  const { signal } = named('serveBudgets', options, { signal: SIGNAL });
  const stop = new AbortController();
  const abort = (): void => stop.abort();
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, { once: true });
  void wallet.ended.then(abort);
  try {
    await alone(channelName(wallet.name), stop.signal, () => new Server(wallet, stop.signal).run());
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/** Runs `work` in one page at a time, where there may be several. */
async function alone(name: string, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  const { locks } = globalThis.navigator ?? {};
  if (locks === undefined) return work();
  try {
    await locks.request(name, { signal }, work);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

class Server {
  readonly #records: LinkRecords;
  readonly #answers: Answers;
  readonly #channel: BroadcastChannel;
  readonly #signal: AbortSignal;
  /** Who listens at which gateway. */
  readonly #listening = new Map<string, AbortController>();
  /** Number of requests under way, by link. */
  readonly #busy = new Map<string, number>();
  /** Answers by the id of their request, oldest first. */
  readonly #answered = new Map<string, Promise<Answer>>();
  #keys: OwnKeys | null = null;

  constructor(wallet: ServingWallet, signal: AbortSignal) {
    this.#records = new LinkRecords(new WalletStore(() => wallet));
    this.#answers = new Answers(wallet, this.#records);
    this.#channel = new BroadcastChannel(channelName(wallet.name));
    this.#signal = signal;
  }

  /** Listens where the links say, until the signal is aborted. */
  async run(): Promise<void> {
    const ended = new Promise((resolve) => this.#signal.addEventListener('abort', resolve, { once: true }));
    this.#channel.onmessage = () => void this.#follow();
    await this.#follow();
    if (!this.#signal.aborted) await ended;
    this.#channel.close();
    for (const listening of this.#listening.values()) listening.abort();
  }

  /** Listens at the gateways that the links name now, and at no other. */
  async #follow(): Promise<void> {
    try {
      this.#keys ??= await this.#records.keys();
      const gateways = await this.#records.gateways(Math.floor(Date.now() / 1000));
      for (const [gateway, listening] of this.#listening) if (!gateways.has(gateway)) listening.abort();
      for (const gateway of gateways)
        if (this.#keys !== null && !this.#listening.has(gateway)) void this.#listen(gateway, this.#keys);
    } catch (error) {
      if (!this.#signal.aborted) console.warn('budget links', error);
    }
  }

  async #listen(gateway: string, keys: OwnKeys): Promise<void> {
    const listening = new AbortController();
    this.#listening.set(gateway, listening);
    const boxes = new Boxes(gateway);
    try {
      while (!this.#signal.aborted) {
        const letter = await boxes.take(keys.boxKey, listening.signal);
        void this.#serve(letter, keys, boxes).catch((error: unknown) => {
          if (!this.#signal.aborted) console.warn('budget links', error);
        });
      }
    } catch {
      // It was told to end.
    } finally {
      this.#listening.delete(gateway);
    }
  }

  /** Answers one letter; one that nobody with a link has made is passed over. */
  async #serve(letter: Bytes, { privateKey }: OwnKeys, boxes: Boxes): Promise<void> {
    const opened = openRequest(letter);
    if (opened === null) return;
    const { connection, publicKey, sealed } = opened;
    const link = await this.#records.get(connection);
    const keys = await exchangeKeys(privateKey, publicKey, link?.secret ?? null).catch(() => null);
    if (keys === null) return;
    const answer = link === null ? TAKEN_BACK : await this.#answer(link, keys, sealed);
    if (answer !== null) await boxes.answer(keys.answer.id, await seal(keys.answer, write(answer)), this.#signal);
  }

  async #answer(link: LinkRecord, keys: ExchangeKeys, sealed: Bytes): Promise<Answer | null> {
    const text = keys.request && (await unseal(keys.request, sealed).catch(() => null));
    const now = Math.floor(Date.now() / 1000);
    const asking = text && readAsking(text, now);
    if (!asking)
      return text
        ? told('invalidInput', 'This request cannot be read, or the clock of this device is wrong: set it.', NOTHING)
        : null;
    const id = `${link.connection} ${asking.id}`;
    const known = this.#answered.get(id);
    if (known !== undefined) return known;
    const answer = this.#admitted(link, asking, now);
    this.#answered.set(id, answer);
    if (this.#answered.size > MAX_ANSWERED) this.#answered.delete(this.#answered.keys().next().value!);
    return answer;
  }

  /** Answers as many requests at a time as there is room for. */
  async #admitted(link: LinkRecord, asking: Asking, now: number): Promise<Answer> {
    const { connection } = link;
    const mine = this.#busy.get(connection) ?? 0;
    const all = [...this.#busy.values()].reduce((sum, count) => sum + count, 0);
    if (mine >= MAX_OF_LINK || all >= MAX_REQUESTS)
      return told('busy', 'Too much is asked of the wallet at a time: try again in a moment.', NOTHING);
    this.#busy.set(connection, mine + 1);
    try {
      if (link.usedAt === null || now - link.usedAt >= USE_SECS) await this.#used(connection, now);
      return await this.#answers.answer(link, asking);
    } finally {
      const left = this.#busy.get(connection)! - 1;
      if (left === 0) this.#busy.delete(connection);
      else this.#busy.set(connection, left);
    }
  }

  async #used(connection: string, now: number): Promise<void> {
    await this.#records.use(connection, now).catch((error: unknown) => {
      if (!(error instanceof WalletError)) throw error; // a full disk forbids no payment by itself: the engine says
    });
    this.#channel.postMessage('used');
  }
}

const NOTHING = { outcome: 'notSent' } as const;
