/** What was bought for pages, kept from before money leaves until the page is there: nothing that was paid for is lost. */

import { type Challenge, authorization } from '../challenge.ts';
import type { Json } from '../wire.ts';
import type { Store } from '../host/types.ts';
import type { Receipt } from './types.ts';

/** Version of what is stored. */
const VERSION = 1;

/** Where a purchase is in its life. L402 is kept as `paid` for the next page; a charge goes when it is delivered. */
export type PurchaseState = 'paying' | 'paid' | 'undelivered';

/** A challenge that was, or is being, paid. */
export interface Purchase {
  readonly challenge: Challenge;
  /** The page that it was for. */
  readonly url: string;
  readonly tabId: number;
  readonly state: PurchaseState;
  /** In hex. */
  readonly paymentHash: string;
  readonly amountMsat: bigint;
  /** In hex; `null` while it is being paid. */
  readonly preimage: string | null;
  readonly at: number;
}

/** A credential on its way: the tab's next response answers it. */
export interface Trip {
  readonly url: string;
  readonly paymentHash: string;
  /** It was bought for this very request: a refusal means that what was paid for is not delivered. */
  readonly fresh: boolean;
  /** Reloads in a row that led to no page. */
  readonly hops: number;
  readonly at: number;
}

/** Typed access to the {@link Store}. */
export class Purchases {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  async put(purchase: Purchase): Promise<void> {
    const { challenge, amountMsat, ...rest } = purchase;
    const stored: Json = { version: VERSION, ...rest, amountMsat: String(amountMsat), challenge: storeChallenge(challenge) };
    await this.#store.set(keyOf(purchase), stored);
  }

  async remove(purchase: Purchase): Promise<void> {
    await this.#store.delete(keyOf(purchase));
  }

  /** The L402 credential of an origin. */
  async credential(origin: string): Promise<Purchase | null> {
    return read(await this.#store.get(`credential/${origin}`));
  }

  /** The charge that was paid for exactly this page and has brought nothing yet. */
  async charge(url: string): Promise<Purchase | null> {
    return (await this.#charges()).find((charge) => charge.url === url && charge.state !== 'undelivered') ?? null;
  }

  /** The purchase that a trip carries. */
  async of({ url, paymentHash }: Trip): Promise<Purchase | null> {
    const charge = read(await this.#store.get(`charge/${paymentHash}`));
    if (charge) return charge;
    const credential = await this.credential(new URL(url).origin);
    return credential?.paymentHash === paymentHash ? credential : null;
  }

  /** Everything kept. */
  async all(): Promise<Purchase[]> {
    const keys = await this.#store.keys('credential/');
    const credentials = await Promise.all(keys.map(async (key) => read(await this.#store.get(key))));
    return [...credentials.filter((found) => found !== null), ...(await this.#charges())];
  }

  async #charges(): Promise<Purchase[]> {
    const keys = await this.#store.keys('charge/');
    const all = await Promise.all(keys.map(async (key) => read(await this.#store.get(key))));
    return all.filter((found) => found !== null);
  }

  async trip(tabId: number): Promise<Trip | null> {
    const stored = await this.#store.get(`trip/${tabId}`);
    return isVersion(stored) ? (stored as unknown as Trip) : null;
  }

  async setTrip(tabId: number, trip: Trip | null): Promise<void> {
    if (trip === null) await this.#store.delete(`trip/${tabId}`);
    else await this.#store.set(`trip/${tabId}`, { version: VERSION, ...trip });
  }

  /** Whether this origin took money without delivering: then the person is asked before it gets more. */
  async isDoubted(origin: string): Promise<boolean> {
    return (await this.#store.get(`doubt/${origin}`)) !== undefined;
  }

  async setDoubt(origin: string, doubted: boolean): Promise<void> {
    if (doubted) await this.#store.set(`doubt/${origin}`, { version: VERSION });
    else await this.#store.delete(`doubt/${origin}`);
  }
}

/** One credential for each origin, one note for each charge. */
const keyOf = ({ challenge, url, paymentHash }: Purchase): string =>
  challenge.kind === 'l402' ? `credential/${new URL(url).origin}` : `charge/${paymentHash}`;

const isVersion = (stored: Json | undefined): stored is { readonly [name: string]: Json } =>
  typeof stored === 'object' && stored !== null && !Array.isArray(stored) && (stored as { version?: Json }).version === VERSION;

const storeChallenge = (challenge: Challenge): Json =>
  challenge.kind === 'l402' ? { ...challenge } : { ...challenge, amountMsat: String(challenge.amountMsat) };

/** What {@link Purchases.put} wrote; nobody else writes there. */
function read(stored: Json | undefined): Purchase | null {
  if (!isVersion(stored)) return null;
  const challenge = stored['challenge'] as unknown as Challenge;
  const amount = (challenge as { amountMsat?: string }).amountMsat;
  return {
    ...(stored as unknown as Purchase),
    amountMsat: BigInt(stored['amountMsat'] as string),
    challenge: amount === undefined ? challenge : ({ ...challenge, amountMsat: BigInt(amount) } as Challenge),
  };
}

/** The header that carries a purchase that is paid. */
export const headerOf = ({ challenge, preimage }: Purchase & { readonly preimage: string }): string => authorization(challenge, preimage);

/** For the person. */
export const receiptOf = ({ url, amountMsat, paymentHash, preimage, challenge, at }: Purchase): Receipt => ({
  url,
  amountMsat,
  paymentHash,
  preimage,
  invoice: challenge.invoice,
  at,
});
