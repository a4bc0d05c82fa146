/** Opens records that earlier releases sealed with keys of the wallet: AES-256-GCM, bound to their names. */

import type { Json } from 'amplet/provider';

/** A sealed record. */
export interface SealedRecord {
  iv: Uint8Array<ArrayBuffer>;
  data: ArrayBuffer;
}

/** The open wallet, as far as it is used. */
export interface Sealer {
  logIn(request: { domain: string; challenge: string }): Promise<{ signature: string }>;
}

/**
 * No site can be at this domain (RFC 6761); what the wallet signs for it is the secret of those records, and nobody else may have it
 * signed.
 */
export const SEAL_DOMAIN = 'sites.amplet.invalid';
/** SHA-256 of "amplet sites 1". */
const CHALLENGE = '7785b70fdb2784f84efe8c994776af428d8b0b4122ce74d2ef04c92f4bbafe60';
const CONTENTS = 'amplet sites: contents, 1';

const utf8 = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

/** Opens records by their names; those of another wallet, and changed ones, are passed over. */
export async function unsealed(
  wallet: Sealer,
  records: readonly (readonly [string, SealedRecord])[],
): Promise<[string, Json][]> {
  if (records.length === 0) return [];
  const { signature } = await wallet.logIn({ domain: SEAL_DOMAIN, challenge: CHALLENGE });
  const secret = Uint8Array.from(signature.match(/../g) ?? [], (byte) => parseInt(byte, 16));
  const base = await crypto.subtle.importKey('raw', secret, 'HKDF', false, ['deriveKey']);
  const derivation = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: utf8(CONTENTS) };
  const key = await crypto.subtle.deriveKey(derivation, base, { name: 'AES-GCM', length: 256 }, false, ['decrypt']);
  const opened = await Promise.all(records.map(([name, record]) => openOne(key, name, record)));
  return opened.filter((record) => record !== null);
}

async function openOne(key: CryptoKey, name: string, { iv, data }: SealedRecord): Promise<[string, Json] | null> {
  try {
    const algorithm = { name: 'AES-GCM', iv, additionalData: utf8(name) };
    const text = new TextDecoder().decode(await crypto.subtle.decrypt(algorithm, key, data));
    return JSON.parse(text) as [string, Json];
  } catch {
    return null;
  }
}
