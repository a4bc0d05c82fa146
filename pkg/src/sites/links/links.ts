// The budgets that a wallet has handed out: for its owner.

import { WalletError } from '../../base/error.ts';
import { bindMethods } from '../../base/bound.ts';
import { FUNCTION, having, must, TEXT } from '../../base/kinds.ts';
import { held, named, text } from '../../wallet/arguments.ts';
import { mailboxOrigin } from '../../wallet/pairing/code.ts';
import { writeLink } from '../../wallet/links/code.ts';
import type { Wallet } from '../../wallet/wallet.ts';
import { WalletStore, type RecordKeeper } from '../wallet-store.ts';
import { LinkRecords, type LinkHolder, type LinkRecord } from './records.ts';

/** The part of a {@link Wallet} that is used. */
export type LinksWallet = RecordKeeper & Pick<Wallet, 'budgetOf' | 'name'>;

/** A budget that was handed out by a link. */
export interface HandedOut {
  /** Names the link: 32 hex digits. */
  readonly id: string;
  /** Holder of the budget. */
  readonly holder: LinkHolder;
  /** Name that the holder sees; at first the holder's own. */
  readonly name: string;
  /** True while nothing is answered but that it is paused. */
  readonly paused: boolean;
  /** Time at which it was handed out. */
  readonly createdAt: bigint;
  /** Time of its last use, within five minutes; `null`: it was not used yet. */
  readonly usedAt: bigint | null;
}

/** Characters of a name. */
const MAX_NAME = 80;

/** Name of the channel on which all pages of a wallet hear that its links have changed. */
export const channelName = (wallet: string): string => `amplet budget links ${wallet}`;

/** The budgets of a wallet that were handed out. Every method rejects as the wallet's do. */
export class BudgetLinks {
  readonly #wallet: LinksWallet;
  readonly #records: LinkRecords;

  /**
   * Of this wallet, which is open.
   * @throws {WalletError} `invalidInput`
   */
  constructor(wallet: LinksWallet) {
    this.#wallet = must('wallet', wallet, having('an open `Wallet`', 'budgetOf', 'siteRecord'));
    bindMethods(this);
    this.#records = new LinkRecords(new WalletStore(() => wallet));
  }

  /** All of them, by when they were handed out. */
  async list(): Promise<HandedOut[]> {
    const all = (await this.#records.all()).sort((one, other) => one.createdAt - other.createdAt);
    return all.map(shown);
  }

  /** Calls `listener` when they have changed or were used, in whichever page. Returns a function that ends that. */
  onChange(listener: () => void): () => void {
    must('listener', listener, FUNCTION);
    const channel = new BroadcastChannel(channelName(this.#wallet.name));
    channel.onmessage = () => listener();
    return () => channel.close();
  }

  /**
   * Hands the budget of a child, an app or a device out: whoever has its link spends it. One that was handed out before keeps its link.
   * The wallet answers while it is open and {@link serveBudgets} runs.
   * @param options `holder`: whose budget; `mailbox`: http(s) URL of a gateway, which passes requests and answers on and reads nothing
   * @throws {WalletError} `invalidInput`: there is no such budget
   */
  async handOut(options: { holder: LinkHolder; mailbox: string }): Promise<HandedOut> {
    const { holder, mailbox } = named('handOut', options, { holder: true, mailbox: TEXT }, ['mailbox']);
    held('holder', holder);
    const gateway = mailboxOrigin(mailbox);
    const isOne = ['child', 'app', 'device'].includes(holder.kind);
    if (!isOne || (await this.#wallet.budgetOf(holder)) === null)
      throw new WalletError(
        'invalidInput',
        'A child, an app or a device is handed its budget: open one for it before.',
      );
    const known = (await this.#records.all()).find(
      ({ holder: { kind, id } }) => kind === holder.kind && id === holder.id,
    );
    if (known !== undefined) return shown(known);
    await this.#records.makeKeys();
    const link = await this.#records.fresh(
      { kind: holder.kind, id: holder.id },
      gateway,
      Math.floor(Date.now() / 1000),
    );
    await this.#records.set(link);
    this.#tell();
    return shown(link);
  }

  /**
   * The code that is handed over: itself or at the end of a URL. Show it to its holder alone.
   * @throws {WalletError} `invalidInput`: it was taken back
   */
  async code(id: string): Promise<string> {
    const { secret, gateway } = await this.#find(id);
    const { publicKey, box } = await this.#records.makeKeys();
    return writeLink({ secret, publicKey, box, gateway });
  }

  /**
   * Gives it another name, of 1 to 80 characters.
   * @throws {WalletError} `invalidInput`
   */
  async rename(id: string, name: string): Promise<void> {
    text('id', id);
    const given = text('name', name).trim();
    if (given === '' || given.length > MAX_NAME)
      throw new WalletError('invalidInput', `\`name\` has 1 to ${MAX_NAME} characters.`);
    await this.#change(id, { name: given });
  }

  /**
   * Refuses what is asked from now on, until {@link BudgetLinks.resume}. What is being paid is paid.
   * @throws {WalletError} `invalidInput`: it was taken back
   */
  async pause(id: string): Promise<void> {
    await this.#change(id, { paused: true });
  }

  /**
   * Goes on after {@link BudgetLinks.pause}.
   * @throws {WalletError} `invalidInput`: it was taken back
   */
  async resume(id: string): Promise<void> {
    await this.#change(id, { paused: false });
  }

  /**
   * Takes it back: whoever has the link pays nothing more, and is told so for a month. The budget stays, and can be handed out by
   * another link.
   */
  async takeBack(id: string): Promise<void> {
    await this.#records.delete(text('id', id), Math.floor(Date.now() / 1000));
    this.#tell();
  }

  async #change(id: string, change: Partial<LinkRecord>): Promise<void> {
    await this.#records.set({ ...(await this.#find(id)), ...change });
    this.#tell();
  }

  async #find(id: string): Promise<LinkRecord> {
    const link = await this.#records.get(text('id', id));
    if (link === null) throw new WalletError('invalidInput', 'There is no such link: it was taken back.');
    return link;
  }

  #tell(): void {
    const channel = new BroadcastChannel(channelName(this.#wallet.name));
    channel.postMessage('changed');
    channel.close();
  }
}

const shown = ({ connection, holder, name, paused, createdAt, usedAt }: LinkRecord): HandedOut => ({
  id: connection,
  holder,
  name,
  paused,
  createdAt: BigInt(createdAt),
  usedAt: usedAt === null ? null : BigInt(usedAt),
});
