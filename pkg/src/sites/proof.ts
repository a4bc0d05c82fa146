/** Checks that a preimage (hex) is the proof of a payment: its SHA-256 is the payment hash (hex; BOLT 11). */
export async function proves(preimage: string, paymentHash: string): Promise<boolean> {
  if (!/^[0-9a-f]{64}$/.test(preimage)) return false;
  return (await sha256(fromHex(preimage))) === paymentHash;
}

/** In hex. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));
}

/** Bytes as hex. */
export const toHex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/** Hex as bytes. */
export const fromHex = (hex: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
