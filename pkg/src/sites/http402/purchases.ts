/**
 * Purchases, kept from before funds are sent until they are delivered: nothing that was paid for is lost, and nothing is paid
 * twice.
 */

import { bindMethods } from '../../base/bound.ts';
import { must, TEXT } from '../../base/kinds.ts';
import { proves } from '../proof.ts';
import { STORE, type Outcome, type Store, type StoreChange } from '../types.ts';
import type { Json } from '../wire.ts';
import type { Challenge } from './challenge.ts';
import { PaidFetchError } from './errors.ts';
import type { Receipt } from './types.ts';

/** Version of what is stored. */
const VERSION = 2;

/**
 * State of a purchase: noted before funds are sent, `paid`, then `kept` (L402 that brought something, for the next
 * page) or `undelivered`. L402 that is undelivered is still shown to the server; a charge is used up, and stays as a receipt.
 */
export type PurchaseState = 'paying' | 'paid' | 'kept' | 'undelivered';

/** A challenge that was, or is being, paid. */
export interface Purchase {
  readonly challenge: Challenge;
  /** The page that it was for. */
  readonly url: string;
  /** Exactly the request that it was for, as {@link requestName} writes it: a charge is good for no other. */
  readonly request: string;
  /** The browser's id of the tab that asked; `null`: it was no tab. */
  readonly tabId: number | null;
  readonly state: PurchaseState;
  /** In hex. */
  readonly paymentHash: string;
  readonly amountMsat: bigint;
  /** In hex; `null` while it is being paid. */
  readonly preimage: string | null;
  readonly at: number;
}

/** A purchase whose payment is proved. */
export type Paid = Purchase & { readonly preimage: string };

/** Parts and options of {@link Purchases}. */
interface Parts {
  /** Credentials are as good as money. */
  readonly store: Store;
  /** Looks up the state of a payment, by its hash in hex. */
  readonly lookup: (paymentHash: string) => Promise<Outcome>;
  /** True where the store keeps proofs; without it they are looked up, where the payments are. */
  readonly keepsProofs: boolean;
  /** Milliseconds since the UNIX epoch. */
  readonly now: () => number;
}

/** Names a request: what has another method, address or body is another one. `bodyHash`: empty when it has none. */
export const requestName = (method: string, url: string, bodyHash = ''): string =>
  `${method} ${url.split('#', 1)[0]} ${bodyHash}`.trimEnd();

/** Purchases in a {@link Store}: by a page's tab or by a program. Every method rejects when the store fails. */
export class Purchases {
  readonly #store: Store;
  readonly #lookup: Parts['lookup'];
  readonly #keepsProofs: boolean;
  readonly #now: () => number;

  constructor({ store, lookup, keepsProofs, now }: Parts) {
    this.#store = store;
    this.#lookup = lookup;
    this.#keepsProofs = keepsProofs;
    this.#now = now;
  }

  /** Records a purchase as it stands now. An L402 credential takes the place of the origin's last one. */
  async put(purchase: Purchase): Promise<void> {
    await this.#set(keyOf(purchase), purchase);
  }

  /** The same, as a change that goes with its payment. */
  noted(purchase: Purchase): StoreChange {
    return { key: keyOf(purchase), value: stored(purchase) };
  }

  /** No funds were sent, or there is nothing more to it. What took its place meanwhile stays. */
  async remove(purchase: Purchase): Promise<void> {
    const key = keyOf(purchase);
    if (paymentHashOf(await this.#store.get(key)) === purchase.paymentHash) await this.#store.delete(key);
  }

  /** The L402 credential of an origin. */
  async credential(origin: string): Promise<Purchase | null> {
    return this.#get(`credential/${origin}`);
  }

  /** The purchase with this payment hash, if it is a charge or what this origin was last paid for. */
  async find(paymentHash: string, origin: string): Promise<Purchase | null> {
    const charge = await this.#get(`charge/${paymentHash}`);
    if (charge) return charge;
    const credential = await this.credential(origin);
    return credential?.paymentHash === paymentHash ? credential : null;
  }

  /** Everything that is noted. */
  async all(): Promise<Purchase[]> {
    return (await this.#entries()).map(([, purchase]) => purchase);
  }

  /**
   * Finds what was paid for exactly this request, or for its origin, before, and may still bring something; `fresh`: nothing has been
   * asked for with it yet. Throws `pending` while a payment is not decided.
   */
  async kept(
    request: string,
    origin: string,
    usable: (challenge: Challenge) => boolean = () => true,
  ): Promise<{ purchase: Paid; fresh: boolean } | null> {
    const charges = (await this.all()).filter(
      (found) => found.challenge.kind === 'charge' && found.request === request && found.state !== 'undelivered',
    );
    for (const found of [await this.credential(origin), ...charges]) {
      if (found === null || !usable(found.challenge)) continue;
      const purchase = await this.settle(found);
      if (purchase !== null && !this.#isOver(purchase)) return { purchase, fresh: found.state === 'paying' };
    }
    return null;
  }

  /** A charge is good until the time that it names; L402 until the server says otherwise. */
  #isOver({ challenge }: Purchase): boolean {
    return challenge.kind === 'charge' && challenge.expiresMs !== null && this.#now() >= challenge.expiresMs;
  }

  /** Brings a purchase that was being paid up to date; `null`: no funds were sent. Throws `pending`, `badProof`. */
  async settle(purchase: Purchase): Promise<Paid | null> {
    const { state, preimage, paymentHash } = purchase;
    if (state !== 'paying') return preimage === null ? null : { ...purchase, preimage };
    const outcome = await this.#lookup(paymentHash);
    if (outcome.state === 'pending') throw pending();
    if (outcome.state === 'failed') {
      await this.remove(purchase);
      return null;
    }
    return this.paid(purchase, outcome.preimage);
  }

  /** Records the proof. Throws `badProof` when it is none; then nothing is called paid. */
  async paid(purchase: Purchase, preimage: string): Promise<Paid> {
    if (!(await proves(preimage, purchase.paymentHash))) {
      throw new PaidFetchError(
        'badProof',
        'The wallet says that it paid, but its proof does not fit the invoice; see the history.',
      );
    }
    const paid: Paid = { ...purchase, state: 'paid', preimage };
    await this.put(paid);
    return paid;
  }

  /** It brought what it was paid for. */
  async delivered(purchase: Purchase): Promise<void> {
    if (purchase.challenge.kind === 'charge') await this.remove(purchase);
    else if (purchase.state !== 'kept') await this.put({ ...purchase, state: 'kept' });
    await this.#setUntrusted(originOf(purchase), false);
  }

  /** It brought nothing. `final`: that was the server's answer, and asking for the same again will not change it. */
  async failed(purchase: Purchase, final: boolean): Promise<void> {
    if (final || purchase.challenge.kind === 'l402') await this.put({ ...purchase, state: 'undelivered' });
    if (final) await this.#setUntrusted(originOf(purchase), true);
  }

  /** The server takes it no longer. What never brought anything stays as a receipt. */
  async refused(purchase: Purchase): Promise<void> {
    if (purchase.state !== 'kept') {
      await this.#set(`charge/${purchase.paymentHash}`, { ...purchase, state: 'undelivered' });
      await this.#setUntrusted(originOf(purchase), true);
    }
    // The origin's credential may be a newer one by now.
    const now = await this.credential(originOf(purchase));
    if (now?.paymentHash === purchase.paymentHash) await this.remove(now);
  }

  /** Returns whether this origin took money without delivering: then the user is asked before it gets more. */
  async isUntrusted(origin: string): Promise<boolean> {
    return (await this.#store.get(`doubt/${origin}`)) !== undefined;
  }

  async #setUntrusted(origin: string, untrusted: boolean): Promise<void> {
    if (untrusted) await this.#store.set(`doubt/${origin}`, { version: VERSION });
    else await this.#store.delete(`doubt/${origin}`);
  }

  /** Returns what was paid for and has not been delivered, newest first. */
  async undelivered(): Promise<Receipt[]> {
    const open = (await this.all()).filter(isOpen);
    return open.map(receiptOf).sort((one, other) => other.at - one.at);
  }

  /** The user has seen what was not delivered. A credential that may still be good stays. */
  async forget(paymentHash: string): Promise<void> {
    const entries = (await this.#entries()).filter(([, purchase]) => isOpen(purchase));
    for (const [key, purchase] of entries) {
      if (purchase.paymentHash !== paymentHash) continue;
      if (key.startsWith('credential/')) await this.put({ ...purchase, state: 'kept' });
      else await this.#store.delete(key);
      const others = entries.filter(
        ([, other]) => other.paymentHash !== paymentHash && originOf(other) === originOf(purchase),
      );
      if (others.length === 0) await this.#setUntrusted(originOf(purchase), false);
    }
  }

  async #entries(): Promise<[string, Purchase][]> {
    const keys = [...(await this.#store.keys('credential/')), ...(await this.#store.keys('charge/'))];
    const all = await Promise.all(keys.map(async (key) => [key, await this.#get(key)] as const));
    return all.flatMap(([key, purchase]) => (purchase ? [[key, purchase]] : []));
  }

  async #set(key: string, purchase: Purchase): Promise<void> {
    await this.#store.set(key, stored(this.#keepsProofs ? purchase : { ...purchase, preimage: null }));
  }

  /** A stored purchase with its proof, from there or from the payment's own record. */
  async #get(key: string): Promise<Purchase | null> {
    const purchase = read(await this.#store.get(key));
    if (purchase === null || purchase.state === 'paying' || purchase.preimage !== null) return purchase;
    const outcome = await this.#lookup(purchase.paymentHash);
    return outcome.state === 'succeeded' ? { ...purchase, preimage: outcome.preimage } : purchase;
  }
}

/** Receipts of what was paid for and has not been delivered, in what a {@link Store} keeps for `payingFetch`. */
export class Receipts {
  readonly #purchases: Purchases;

  /**
   * Reads nothing yet.
   * @throws {WalletError} `invalidInput`
   */
  constructor(store: Store) {
    must('store', store, STORE);
    bindMethods(this);
    const lookup = async (): Promise<Outcome> => ({ state: 'pending' });
    this.#purchases = new Purchases({ store, lookup, keepsProofs: true, now: Date.now });
  }

  /** All of them, newest first. Rejects when the store fails. */
  undelivered(): Promise<Receipt[]> {
    return this.#purchases.undelivered();
  }

  /** Forgets one, by its payment hash in hex, once the user has seen it: its origin is trusted again. Rejects when the store fails. */
  async forget(paymentHash: string): Promise<void> {
    return this.#purchases.forget(must('paymentHash', paymentHash, TEXT));
  }
}

const isOpen = ({ state }: Purchase): boolean => state === 'paid' || state === 'undelivered';

const originOf = ({ url }: Purchase): string => new URL(url).origin;

/** One credential for each origin, one note for each charge; what is only a receipt any more lies with the charges. */
const keyOf = ({ challenge, url, paymentHash }: Purchase): string =>
  challenge.kind === 'l402' ? `credential/${new URL(url).origin}` : `charge/${paymentHash}`;

const paymentHashOf = (value: Json | undefined): unknown =>
  (value as { paymentHash?: unknown } | null | undefined)?.paymentHash;

function stored({ challenge, amountMsat, ...rest }: Purchase): Json {
  const plain: Json =
    challenge.kind === 'l402' ? { ...challenge } : { ...challenge, amountMsat: String(challenge.amountMsat) };
  return { version: VERSION, ...rest, amountMsat: String(amountMsat), challenge: plain };
}

/** Reads what was stored, by this version or the one before; nobody else writes there. */
function read(value: Json | undefined): Purchase | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const { version, ...rest } = value as { readonly [name: string]: Json };
  if (version !== VERSION && version !== 1) return null;
  const challenge = rest['challenge'] as unknown as Challenge;
  const amount = (challenge as { amountMsat?: string }).amountMsat;
  const purchase: Purchase = {
    ...(rest as unknown as Purchase),
    amountMsat: BigInt(rest['amountMsat'] as string),
    challenge: amount === undefined ? challenge : ({ ...challenge, amountMsat: BigInt(amount) } as Challenge),
  };
  return version === VERSION ? purchase : migrated(purchase);
}

/** Version 1 knew GET only, and of L402 not whether it had brought anything. */
function migrated(purchase: Purchase): Purchase {
  const state = purchase.challenge.kind === 'l402' && purchase.state === 'paid' ? 'kept' : purchase.state;
  return { ...purchase, request: requestName('GET', purchase.url), state };
}

/** For the user. */
export const receiptOf = ({ url, amountMsat, paymentHash, preimage, challenge, at }: Purchase): Receipt => ({
  url,
  amountMsat,
  paymentHash,
  preimage,
  invoice: challenge.invoice,
  at,
});

/** The payment is not decided. */
export const pending = (cause?: unknown): PaidFetchError =>
  new PaidFetchError(
    'pending',
    'The payment is under way and not decided yet. Ask for the page again in a while: it is not paid twice.',
    { cause },
  );
