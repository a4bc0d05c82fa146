// How requests to the wallet behind a link, and its answers, are sealed. A holder has a fresh key pair for each request:
//
// - The request is sealed with what that key and the wallet's agree on, together with the link's secret: nobody else can make one, and
//   who finds the link later reads none that was made before.
// - The answer is sealed with what the two keys agree on alone: only the wallet can make one, for a link too whose secret it has
//   deleted, and only who asked reads it. It goes to a box of its own, which a key derived from the same opens.

import { hex } from '@scure/base';
import {
  agreed,
  derived,
  deviceKeys,
  joined,
  letterKeys,
  PUBLIC_BYTES,
  seal,
  type Bytes,
  type LetterKeys,
  type SubtleKey,
} from '../pairing/seal.ts';

/** Begins what is derived here: it names the version. */
const LINKS = 'amplet budget 1';
/** Bytes of a connection's id. */
const ID_BYTES = 16;

/** Names a link, without its secret: 32 hex digits. */
export const connectionId = async (secret: Bytes): Promise<string> =>
  hex.encode(await derived(secret, new Uint8Array(), `${LINKS} connection`, ID_BYTES));

/** The name of the box that a key opens, both 32 hex digits: the first half of the key's SHA-256 (crates/gateway/src/desk/boxes.rs). */
export async function boxName(key: string): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', Uint8Array.from(hex.decode(key)));
  return hex.encode(new Uint8Array(hash).subarray(0, 16));
}

/** Keys of one request: its answer's `id` opens the box that the answer is put into. */
export interface ExchangeKeys {
  /** Of the request; `null`: without the link's secret there is none. */
  request: LetterKeys | null;
  answer: LetterKeys;
}

/**
 * Derives them. `secret`: the link's; `null`: it is not known.
 * @throws {WalletError} `invalidInput`: the other's key is none
 */
export async function exchangeKeys(privateKey: SubtleKey, theirs: Bytes, secret: Bytes | null): Promise<ExchangeKeys> {
  const common = await agreed(privateKey, theirs);
  const none = new Uint8Array();
  return {
    request: secret === null ? null : await letterKeys(joined(common, secret), none, `${LINKS} request`),
    answer: await letterKeys(common, none, `${LINKS} answer`),
  };
}

/** A request as it is put into the wallet's box, and the keys of its answer. */
export interface Asked {
  letter: Bytes;
  answer: LetterKeys;
}

/**
 * Seals a request.
 * @throws {WalletError} `invalidInput`: the link's key is none
 */
export async function sealRequest(secret: Bytes, wallets: Bytes, text: string): Promise<Asked> {
  const mine = await deviceKeys();
  const { request, answer } = await exchangeKeys(mine.privateKey, wallets, secret);
  const id = Uint8Array.from(hex.decode(await connectionId(secret)));
  return { letter: joined(id, mine.publicKey, await seal(request!, text)), answer };
}

/** The parts of a request's letter; `null`: it is none. */
export function openRequest(letter: Bytes): { connection: string; publicKey: Bytes; sealed: Bytes } | null {
  if (letter.length <= ID_BYTES + PUBLIC_BYTES) return null;
  return {
    connection: hex.encode(letter.subarray(0, ID_BYTES)),
    publicKey: letter.slice(ID_BYTES, ID_BYTES + PUBLIC_BYTES),
    sealed: letter.slice(ID_BYTES + PUBLIC_BYTES),
  };
}
