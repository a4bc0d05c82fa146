// What a wallet keeps of the budgets that it has handed out, among its records of sites: sealed, and in its backup.

import { base64urlnopad, hex } from '@scure/base';
import { deviceKeys, joined, SECRET_BYTES, type Bytes, type SubtleKey } from '../../wallet/pairing/seal.ts';
import { boxName, connectionId } from '../../wallet/links/seal.ts';
import type { Store, StoreChange } from '../types.ts';
import type { Json } from '../wire.ts';

/** Version of what is stored. */
const VERSION = 1;
/** Payments of a link that are known as its own; beyond, the oldest are the wallet's alone. */
const MAX_PAID = 100;
/** Time for which the holder of a link that was taken back is told so, in seconds. */
const TOLD_SECS = 30 * 86_400;
/** Key of the record of {@link OwnKeys}. */
const OWN = 'budget-links/keys';

/** Holder of a budget that can be handed out. */
export interface LinkHolder {
  /** What it is. */
  readonly kind: 'app' | 'device' | 'child';
  /** Which one: 1 to 80 characters. */
  readonly id: string;
}

/** What the wallet has for all its links. */
export interface OwnKeys {
  privateKey: SubtleKey;
  publicKey: Bytes;
  /** Opens the box of its requests. */
  boxKey: string;
  /** Names that box. */
  box: string;
}

/** One link, as it is stored. */
export interface LinkRecord {
  /** Names it: 32 hex digits. */
  readonly connection: string;
  readonly secret: Bytes;
  readonly holder: LinkHolder;
  /** Name that its owner has given it. */
  readonly name: string;
  /** Origin of the gateway that passes its letters on. */
  readonly gateway: string;
  readonly paused: boolean;
  /** Seconds since the UNIX epoch; `usedAt` `null`: it was not used. */
  readonly createdAt: number;
  readonly usedAt: number | null;
}

/** Typed access to the store. Every method rejects when the store fails. */
export class LinkRecords {
  readonly #store: Store;

  /** Reads nothing yet. */
  constructor(store: Store) {
    this.#store = store;
  }

  /** The wallet's keys; `null`: it never handed a budget out. */
  async keys(): Promise<OwnKeys | null> {
    const stored = object(await this.#store.get(OWN));
    if (stored === null) return null;
    const boxKey = String(stored['boxKey']);
    const pkcs8 = bytes(stored['privateKey']);
    const curve = { name: 'ECDH', namedCurve: 'P-256' };
    return {
      privateKey: await crypto.subtle.importKey('pkcs8', pkcs8, curve, false, ['deriveBits']),
      publicKey: bytes(stored['publicKey']),
      boxKey,
      box: await boxName(boxKey),
    };
  }

  /** The wallet's keys; made, where it has none. */
  async makeKeys(): Promise<OwnKeys> {
    const known = await this.keys();
    if (known !== null) return known;
    const { privateKey, publicKey } = await deviceKeys(true);
    const pkcs8 = new Uint8Array(await crypto.subtle.exportKey('pkcs8', privateKey));
    const boxKey = hex.encode(crypto.getRandomValues(new Uint8Array(16)));
    const value = {
      version: VERSION,
      privateKey: base64urlnopad.encode(pkcs8),
      publicKey: base64urlnopad.encode(publicKey),
      boxKey,
    };
    await this.#store.set(OWN, value);
    return { privateKey, publicKey, boxKey, box: await boxName(boxKey) };
  }

  /** A link by its connection; `null`: there is none, or it was taken back. */
  async get(connection: string): Promise<LinkRecord | null> {
    const stored = object(await this.#store.get(linkKey(connection)));
    if (stored === null) return null;
    const used = object(await this.#store.get(usedKey(connection)));
    return {
      connection,
      secret: bytes(stored['secret']),
      holder: { kind: stored['kind'] as LinkHolder['kind'], id: String(stored['id']) },
      name: String(stored['name']),
      gateway: String(stored['gateway']),
      paused: stored['paused'] === true,
      createdAt: Number(stored['createdAt']),
      usedAt: used === null ? null : Number(used['at']),
    };
  }

  /** All links. */
  async all(): Promise<LinkRecord[]> {
    const keys = await this.#store.keys(linkKey(''));
    const found = await Promise.all(keys.map((key) => this.get(key.slice(linkKey('').length))));
    return found.filter((link) => link !== null);
  }

  /** A new link with a fresh secret, which is not stored yet. */
  async fresh(holder: LinkHolder, gateway: string, now: number): Promise<LinkRecord> {
    const secret = crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
    const connection = await connectionId(secret);
    return { connection, secret, holder, name: holder.id, gateway, paused: false, createdAt: now, usedAt: null };
  }

  /** Stores a link, but not when it was used. */
  async set({ connection, secret, holder, name, gateway, paused, createdAt }: LinkRecord): Promise<void> {
    const link = { ...holder, name, gateway, paused, createdAt };
    await this.#store.set(linkKey(connection), { version: VERSION, secret: base64urlnopad.encode(secret), ...link });
  }

  /**
   * Notes that a link is used. Beside its record: whoever pauses it or takes it back at the same time is not overwritten. `now` in
   * seconds since the UNIX epoch.
   */
  async use(connection: string, now: number): Promise<void> {
    await this.#store.set(usedKey(connection), { version: VERSION, at: now });
  }

  /** Forgets a link, with its secret, and which payments were its own. `now` in seconds since the UNIX epoch. */
  async delete(connection: string, now: number): Promise<void> {
    const link = await this.get(connection);
    if (link === null) return;
    // First: whoever holds it is to be told.
    await this.#store.set(goneKey(link.gateway), { version: VERSION, at: now });
    await this.#store.delete(linkKey(connection));
    await this.#store.delete(usedKey(connection));
    for (const key of await this.#store.keys(paidKey(connection, ''))) await this.#store.delete(key);
  }

  /** Gateways at which requests may come in: by links, also by those taken back of late. `now` in seconds since the UNIX epoch. */
  async gateways(now: number): Promise<Set<string>> {
    const gateways = new Set((await this.all()).map(({ gateway }) => gateway));
    for (const key of await this.#store.keys(goneKey(''))) {
      const at = Number(object(await this.#store.get(key))?.['at'] ?? 0);
      if (now - at < TOLD_SECS) gateways.add(key.slice(goneKey('').length));
      else await this.#store.delete(key);
    }
    return gateways;
  }

  /** Hashes of the payments of a link, oldest first. */
  async paid(connection: string): Promise<string[]> {
    const keys = await this.#store.keys(paidKey(connection, ''));
    return keys.map(hashIn);
  }

  /** What is recorded with a payment of a link: that it is its own. `now` in ms since the UNIX epoch. */
  async pays(connection: string, paymentHash: string, now: number): Promise<StoreChange[]> {
    const keys = await this.#store.keys(paidKey(connection, ''));
    const gone = keys.filter((key, at) => hashIn(key) === paymentHash || at <= keys.length - MAX_PAID);
    // The keys are sorted: by time.
    const key = paidKey(connection, `${String(now).padStart(15, '0')} ${paymentHash}`);
    return [...gone.map((old) => ({ key: old, value: undefined })), { key, value: VERSION }];
  }
}

const linkKey = (connection: string): string => `budget-links/link/${connection}`;
const goneKey = (gateway: string): string => `budget-links/gone/${gateway}`;
const usedKey = (connection: string): string => `budget-links/used/${connection}`;
const paidKey = (connection: string, rest: string): string => `budget-links/paid/${connection}/${rest}`;
const hashIn = (key: string): string => key.slice(key.lastIndexOf(' ') + 1);

function bytes(stored: Json | undefined): Bytes {
  return joined(Uint8Array.from(base64urlnopad.decode(String(stored))));
}

/** A stored object of this version. */
function object(value: Json | undefined): { readonly [name: string]: Json } | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const stored = value as { readonly [name: string]: Json };
  return stored['version'] === VERSION ? stored : null;
}
