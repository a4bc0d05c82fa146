// Passkeys: WebAuthn credentials whose PRF extension gives the key that opens a wallet. The credential is of the page's host, in an
// extension of its own id, and never leaves the authenticator; the header of the wallet names it.

import { describe, WalletError } from '../base/error.ts';
import type { Key, KeySource } from '../link/wire.ts';

/** A passkey that opens a wallet. */
export interface Passkey {
  /** Id of the credential, as WebAuthn has it (base64url). */
  id: string;
  /** Name that the user gave it. */
  name: string;
  /** Time at which it was added (seconds since the UNIX epoch). */
  createdAt: bigint;
}

/** What the wallet's header keeps of a passkey; none of it is secret. */
interface Stored {
  id: string;
  /** Input of the PRF extension (base64url). */
  salt: string;
  name: string;
  createdAt: number;
  transports: string[];
}

/** A key, and where it came from. */
export interface PasskeyKey {
  key: Key;
  source: KeySource;
}

/** Kind of a passkey among the sources of keys. */
const KIND = 3;
/** Maximum length of a passkey's name, in UTF-16 code units. */
const MAX_NAME = 64;
/** Separates this use of the PRF's output from any other. */
const INFO = new TextEncoder().encode('amplet passkey key 1');

/**
 * Returns whether a passkey can be offered here: WebAuthn is there, and the browser does not say that it lacks the PRF extension.
 * The authenticator may lack it all the same: then adding one rejects with `passkeyUnsupported`.
 */
export async function passkeysAvailable(): Promise<boolean> {
  const kind = (globalThis as { PublicKeyCredential?: typeof PublicKeyCredential }).PublicKeyCredential;
  if (kind === undefined || navigator.credentials === undefined) return false;
  try {
    const abilities = await (kind as Partial<typeof PublicKeyCredential>).getClientCapabilities?.();
    return abilities?.['extension:prf'] !== false;
  } catch {
    return true; // it does not say
  }
}

/** Returns whether a key of this source comes from a passkey. */
export const isPasskey = (source: KeySource): boolean => source[0] === KIND;

/** The passkeys among the sources of a wallet's keys, oldest first. */
export function passkeysOf(sources: readonly KeySource[]): Passkey[] {
  return sources.filter(isPasskey).map((source) => {
    const { id, name, createdAt } = read(source);
    return { id, name, createdAt: BigInt(createdAt) };
  });
}

/** The source of the passkey of this id. */
export function passkeySource(sources: readonly KeySource[], id: string): KeySource | undefined {
  return sources.find((source) => isPasskey(source) && read(source).id === id);
}

/**
 * Has the user make a passkey for a wallet.
 * @throws {WalletError} `passkeyUnsupported`, `passkeyRefused`, `invalidInput`: a bad name, or this authenticator has one already
 */
export async function makePasskey(wallet: string, name: string, sources: readonly KeySource[]): Promise<PasskeyKey> {
  if (typeof name !== 'string' || name.trim() === '' || name.length > MAX_NAME)
    throw new WalletError('invalidInput', `A passkey has a name of 1 to ${MAX_NAME} characters, such as "Phone".`);
  if (!(await passkeysAvailable())) throw unsupported();
  const salt = random(32);
  const credential = await asked(() =>
    navigator.credentials.create({
      publicKey: {
        rp: { name: 'Amplet' },
        user: { id: random(16), name: wallet, displayName: `Amplet: ${wallet}` },
        challenge: random(32), // nobody reads an attestation
        pubKeyCredParams: [-7, -257, -8].map((alg) => ({ type: 'public-key', alg })),
        authenticatorSelection: { residentKey: 'preferred', userVerification: 'required' },
        excludeCredentials: sources.filter(isPasskey).map((source) => descriptor(read(source))),
        extensions: { prf: { eval: { first: salt } } },
      },
    }),
  );
  try {
    const { prf } = credential.getClientExtensionResults();
    if (prf?.enabled !== true) throw unsupported();
    const stored: Stored = {
      id: credential.id,
      salt: toBase64Url(salt),
      name: name.trim(),
      createdAt: Math.floor(Date.now() / 1000),
      transports: (credential.response as Partial<AuthenticatorAttestationResponse>).getTransports?.() ?? [],
    };
    const source = new Uint8Array([KIND, ...new TextEncoder().encode(JSON.stringify(stored))]);
    // Some authenticators evaluate it only when they sign in.
    const output = prf.results?.first;
    return { source, key: output === undefined ? await keyOfPasskey([source]) : await derive(output) };
  } catch (error) {
    forgetPasskey(credential.id);
    throw error;
  }
}

/**
 * The key of one of these passkeys; the user chooses which.
 * @throws {WalletError} `passkeyUnsupported`, `passkeyRefused`
 */
export async function keyOfPasskey(sources: readonly KeySource[]): Promise<Key> {
  const known = sources.filter(isPasskey).map(read);
  if (known.length === 0)
    throw new WalletError('passkeyRefused', 'No passkey opens this wallet: use its passphrase instead.');
  if (!(await passkeysAvailable())) throw unsupported();
  const credential = await asked(() =>
    navigator.credentials.get({
      publicKey: {
        challenge: random(32),
        allowCredentials: known.map(descriptor),
        userVerification: 'required',
        extensions: {
          prf: {
            evalByCredential: Object.fromEntries(known.map(({ id, salt }) => [id, { first: fromBase64Url(salt) }])),
          },
        },
      },
    }),
  );
  const output = credential.getClientExtensionResults().prf?.results?.first;
  if (output === undefined) throw unsupported();
  return derive(output);
}

/** Tells the browser that a passkey opens nothing, so that it is not offered again; where browsers have no word for it, it stays. */
export function forgetPasskey(credentialId: string): void {
  type Signals = { signalUnknownCredential?(about: { rpId: string; credentialId: string }): Promise<void> };
  const kind = (globalThis as { PublicKeyCredential?: Signals }).PublicKeyCredential;
  kind?.signalUnknownCredential?.({ rpId: location.hostname, credentialId }).catch(() => undefined);
}

/** The key, as HKDF-SHA256 (RFC 5869) makes it of the PRF's output, which is wiped. */
async function derive(output: BufferSource): Promise<Key> {
  const bytes = ArrayBuffer.isView(output)
    ? new Uint8Array(output.buffer as ArrayBuffer, output.byteOffset, output.byteLength)
    : new Uint8Array(output as ArrayBuffer);
  try {
    const material = await crypto.subtle.importKey('raw', bytes, 'HKDF', false, ['deriveBits']);
    const how = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: INFO };
    return new Uint8Array(await crypto.subtle.deriveBits(how, material, 256));
  } finally {
    bytes.fill(0);
  }
}

async function asked(ask: () => Promise<Credential | null>): Promise<PublicKeyCredential> {
  let error: unknown = null;
  try {
    const credential = await ask();
    if (credential !== null) return credential as PublicKeyCredential;
  } catch (thrown) {
    error = thrown;
  }
  const name = error instanceof DOMException ? error.name : '';
  if (name === 'InvalidStateError')
    throw new WalletError('invalidInput', 'This device has a passkey of this wallet already: use another device.');
  // By design WebAuthn does not tell a prompt that was closed from a device that has none of these passkeys.
  if (error === null || name === 'NotAllowedError' || name === 'AbortError')
    throw new WalletError(
      'passkeyRefused',
      'No passkey was given: the prompt was closed, took too long, or this device has none of this wallet. Try again.',
    );
  throw unsupported(error);
}

const unsupported = (cause?: unknown): WalletError =>
  new WalletError(
    'passkeyUnsupported',
    'This browser or this passkey provider cannot open a wallet by passkey (it lacks WebAuthn with the PRF extension): use a ' +
      'passphrase, or another browser or device.',
    cause === undefined ? [] : [describe(cause)],
  );

function descriptor({ id, transports }: Stored): PublicKeyCredentialDescriptor {
  return { type: 'public-key', id: fromBase64Url(id), transports: transports as AuthenticatorTransport[] };
}

/** Authenticated by the header it lies in: it is what {@link makePasskey} wrote. */
const read = (source: KeySource): Stored => JSON.parse(new TextDecoder().decode(source.subarray(1))) as Stored;

const random = (length: number): Uint8Array<ArrayBuffer> => crypto.getRandomValues(new Uint8Array(length));

const toBase64Url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');

const fromBase64Url = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (digit) => digit.charCodeAt(0));
