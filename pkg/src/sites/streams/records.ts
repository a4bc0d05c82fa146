/** Records of streams that run: the amount used, so that what a crash left unpaid is paid at the next start, once. */

import { siteKey, type Site, type Store, type StoreChange, type StreamRequest } from '../types.ts';
import type { Json } from '../wire.ts';

/** A stream that had not ended when it was noted. */
export interface StreamRecord {
  readonly site: Site;
  readonly request: StreamRequest;
  /** Amount used in all and given, in msat. */
  readonly usedMsat: bigint;
}

const PREFIX = 'stream/';
const VERSION = 1;

/** See the head of this file. Every method rejects when the store does. */
export class StreamRecords {
  readonly #store: Store;

  /** Reads nothing yet. */
  constructor(store: Store) {
    this.#store = store;
  }

  /** Keeps it, in place of an earlier one of this site and session. */
  async set(record: StreamRecord): Promise<void> {
    const { key, value } = this.noted(record);
    await this.#store.set(key, value);
  }

  /** The same, as a change that goes with its opening. */
  noted({ site, request, usedMsat }: StreamRecord): StoreChange & { readonly value: Json } {
    const { nodeId, sessionId, ratePerSecondMsat, perUnitMsat, creditMsat } = request;
    const terms = {
      ratePerSecondMsat: String(ratePerSecondMsat),
      perUnitMsat: String(perUnitMsat),
      creditMsat: String(creditMsat),
    };
    const use = { site: { ...site }, nodeId, sessionId, ...terms, usedMsat: String(usedMsat) };
    return { key: keyOf(site, request), value: { version: VERSION, ...use } };
  }

  /** It has ended, and nothing of it is owed that could be paid. */
  delete(site: Site, request: StreamRequest): Promise<void> {
    return this.#store.delete(keyOf(site, request));
  }

  /** All that are kept. */
  async all(): Promise<StreamRecord[]> {
    const keys = await this.#store.keys(PREFIX);
    const records = await Promise.all(keys.map(async (key) => read(await this.#store.get(key))));
    return records.filter((record) => record !== null);
  }
}

const keyOf = (site: Site, { nodeId, sessionId }: StreamRequest): string =>
  `${PREFIX}${siteKey(site)} ${nodeId} ${sessionId}`;

interface Stored {
  readonly version: number;
  readonly site: Site;
  readonly nodeId: string;
  readonly sessionId: string;
  readonly ratePerSecondMsat: string;
  readonly perUnitMsat: string;
  readonly creditMsat: string;
  readonly usedMsat: string;
}

/** `null`: of another version. The store is the wallet's own: what is of this one is as it was written. */
function read(value: Json | undefined): StreamRecord | null {
  const stored = value as unknown as Stored | undefined;
  if (stored?.version !== VERSION) return null;
  const { site, nodeId, sessionId, ratePerSecondMsat, perUnitMsat, creditMsat, usedMsat } = stored;
  const terms = {
    ratePerSecondMsat: BigInt(ratePerSecondMsat),
    perUnitMsat: BigInt(perUnitMsat),
    creditMsat: BigInt(creditMsat),
  };
  return { site, request: { nodeId, sessionId, ...terms }, usedMsat: BigInt(usedMsat) };
}
