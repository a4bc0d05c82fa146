/** Seals records of the sites: names by HMAC-SHA-256, contents by AES-256-GCM, both with keys of the open wallet. */

import type { Json } from 'amplet/provider';

/** A sealed record. */
export interface SealedRecord {
  iv: Uint8Array<ArrayBuffer>;
  data: ArrayBuffer;
}

/** Bytes of the nonce of AES-GCM: random, and far fewer records than would make two alike likely. */
const IV_BYTES = 12;
const USES = { names: 'amplet sites: names, 1', contents: 'amplet sites: contents, 1' };

const utf8 = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);
const hex = (bytes: ArrayBuffer): string =>
  [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, '0')).join('');

/** See the head of this file. */
export class Seal {
  readonly #names: CryptoKey;
  readonly #contents: CryptoKey;

  private constructor(names: CryptoKey, contents: CryptoKey) {
    this.#names = names;
    this.#contents = contents;
  }

  /** Derives both keys (HKDF-SHA-256) from a secret of the wallet. */
  static async of(secret: Uint8Array<ArrayBuffer>): Promise<Seal> {
    const base = await crypto.subtle.importKey('raw', secret, 'HKDF', false, ['deriveKey']);
    const derive = (info: string, type: AesKeyGenParams | HmacKeyGenParams, uses: KeyUsage[]): Promise<CryptoKey> =>
      crypto.subtle.deriveKey(
        { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: utf8(info) },
        base,
        type,
        false,
        uses,
      );
    return new Seal(
      await derive(USES.names, { name: 'HMAC', hash: 'SHA-256', length: 256 }, ['sign']),
      await derive(USES.contents, { name: 'AES-GCM', length: 256 }, ['encrypt', 'decrypt']),
    );
  }

  /** Returns the name under which a record is found, which tells nothing of its key. */
  async nameOf(key: string): Promise<string> {
    return hex(await crypto.subtle.sign('HMAC', this.#names, utf8(key)));
  }

  /** Seals a record for its name. */
  async seal(name: string, key: string, value: Json): Promise<SealedRecord> {
    const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
    const algorithm = { name: 'AES-GCM', iv, additionalData: utf8(name) };
    return { iv, data: await crypto.subtle.encrypt(algorithm, this.#contents, utf8(JSON.stringify([key, value]))) };
  }

  /** Opens a record; `null`: it is another wallet's, or was changed. */
  async open(name: string, { iv, data }: SealedRecord): Promise<{ key: string; value: Json } | null> {
    try {
      const algorithm = { name: 'AES-GCM', iv, additionalData: utf8(name) };
      const text = new TextDecoder().decode(await crypto.subtle.decrypt(algorithm, this.#contents, data));
      const [key, value] = JSON.parse(text) as [string, Json];
      return { key, value };
    } catch {
      return null;
    }
  }
}
