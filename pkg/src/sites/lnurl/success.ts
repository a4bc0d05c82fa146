/** Success actions of LNURL-pay (LUD-09, LUD-10): to be read before it is paid for, and shown after. */

import { invalid } from '../errors.ts';
import { fromHex } from '../proof.ts';
import { serviceUrl } from './service.ts';

/** Maximum lengths of texts that are shown. The LUDs allow 144 characters of a message and 4 kB of a secret. */
const MAX_TEXT = 1_024;
const MAX_CIPHERTEXT = 8_192;

/** A promise of something that only this wallet's payment brings. */
export type Success =
  | { readonly tag: 'message'; readonly text: string }
  | { readonly tag: 'url'; readonly text: string; readonly url: string }
  | {
      readonly tag: 'aes';
      readonly text: string;
      readonly iv: Uint8Array<ArrayBuffer>;
      readonly ciphertext: Uint8Array<ArrayBuffer>;
    };

/** A success action as the user is shown it. */
export interface Shown {
  readonly text: string;
  /** Empty when it could not be read. */
  readonly secret: string | null;
  readonly url: string | null;
}

/**
 * Reads `successAction`; `null`: nothing is promised. What this wallet could not show is not to be paid for (LUD-09): throws
 * `InvalidDataError`. `callback`: where the invoice came from; an address leads nowhere else.
 * @throws {ProviderError} when it leads elsewhere
 */
export function readSuccess(stated: unknown, callback: URL): Success | null {
  if (stated === undefined || stated === null) return null;
  const { tag, message, description, url, iv, ciphertext } = Object(stated) as Record<string, unknown>;
  if (tag === 'message' && typeof message === 'string') return { tag, text: message.slice(0, MAX_TEXT) };
  const text = typeof description === 'string' ? description.slice(0, MAX_TEXT) : '';
  if (tag === 'url' && typeof url === 'string') {
    const target = serviceUrl(url);
    if (target.hostname !== callback.hostname) throw refused('leads to another domain than its own');
    return { tag, text, url: target.href };
  }
  if (tag === 'aes') {
    const [vector, sealed] = [fromBase64(iv), fromBase64(ciphertext)];
    if (vector?.length === 16 && sealed !== null && sealed.length > 0 && sealed.length % 16 === 0)
      return { tag, text, iv: vector, ciphertext: sealed };
  }
  throw refused('is of a kind that this wallet cannot show');
}

const refused = (what: string) =>
  invalid(`What the service behind the LNURL promises for the money ${what}; nothing was paid.`);

/** Opens what was promised, with the preimage (hex) as its key. */
export async function revealed(success: Success, preimage: string): Promise<Shown> {
  const { text } = success;
  if (success.tag !== 'aes') return { text, secret: null, url: success.tag === 'url' ? success.url : null };
  return { text, secret: await decrypted(success, preimage).catch(() => ''), url: null };
}

async function decrypted({ iv, ciphertext }: Extract<Success, { tag: 'aes' }>, preimage: string): Promise<string> {
  const key = await crypto.subtle.importKey('raw', fromHex(preimage), 'AES-CBC', false, ['decrypt']);
  const plain = await crypto.subtle.decrypt({ name: 'AES-CBC', iv }, key, ciphertext);
  return new TextDecoder('utf-8', { fatal: true }).decode(plain);
}

function fromBase64(value: unknown): Uint8Array<ArrayBuffer> | null {
  if (typeof value !== 'string' || value.length > MAX_CIPHERTEXT) return null;
  try {
    return Uint8Array.from(atob(value), (char) => char.charCodeAt(0));
  } catch {
    return null;
  }
}
