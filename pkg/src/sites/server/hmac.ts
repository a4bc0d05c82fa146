/** HMAC-SHA256 by Web Crypto, which every fetch-style server has. */

const encoder = new TextEncoder();

/** Bytes of a text, or bytes as they are. */
export const bytesOf = (data: string | Uint8Array): Uint8Array<ArrayBuffer> =>
  typeof data === 'string' ? encoder.encode(data) : Uint8Array.from(data);

/** HMAC-SHA256 of `data`, 32 bytes. */
export async function hmac(key: string | Uint8Array, data: string | Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const imported = await crypto.subtle.importKey('raw', bytesOf(key), algorithm, false, ['sign']);
  return new Uint8Array(await crypto.subtle.sign('HMAC', imported, bytesOf(data)));
}

/** Compares in a time that does not tell where they differ. */
export function same(one: Uint8Array, other: Uint8Array): boolean {
  let differs = one.length ^ other.length;
  for (let at = 0; at < one.length; at++) differs |= one[at]! ^ (other[at] ?? 0);
  return differs === 0;
}

/** Several byte strings as one. */
export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** In base64. */
export const base64 = (bytes: Uint8Array): string =>
  btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));

/** In base64url without padding. */
export const base64url = (data: string | Uint8Array): string =>
  base64(bytesOf(data)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');

/** From either; `null`: it is none. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (char) => char.charCodeAt(0));
  } catch {
    return null;
  }
}
