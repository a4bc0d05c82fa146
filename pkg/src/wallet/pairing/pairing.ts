// Adding a device to a wallet: the old device shows a code, the new one shows a number, the user types the number on the old one,
// and the old one sends what the new one needs, sealed so that only it can read it.

import { WalletError } from '../../base/error.ts';
import { LIST, OBJECT, SIGNAL, TEXT, TEXTS } from '../../base/kinds.ts';
import type { Names } from '../../base/named.ts';
import type { Gateway, Network } from '../../base/protocol.ts';
import { named, NETWORK, text } from '../arguments.ts';
import { mailboxOrigin, readCode, writeCode } from './code.ts';
import { Mailbox } from './mailbox.ts';
import { damaged, deviceKeys, helloKeys, SECRET_BYTES, seal, shared, unseal, type Bytes } from './seal.ts';

/** Time for which a code holds, ms: that of the gateway's letters. */
const LIFE_MS = 600_000;
/** Numbers that may be typed before the pairing ends. */
const MAX_TRIES = 3;
/** Characters of a device's name. */
const MAX_NAME = 40;

/** What a new device gets: all that opens the wallet there. It is as secret as the words. */
export interface PairedWallet {
  /** Its BIP 39 mnemonic. */
  mnemonic: string;
  /** Its network. */
  network: Network;
  /** Its gateways, the first preferred. */
  gateways: Gateway[];
  /** More chain sources. */
  chainSources: string[];
  /** URL of its backup (http or https), from which the new device takes all that it has. */
  backupUrl: string;
}

/** Names of {@link PairedWallet}. */
const WALLET: Names<PairedWallet> = {
  mnemonic: TEXT,
  network: NETWORK,
  gateways: LIST,
  chainSources: TEXTS,
  backupUrl: TEXT,
};
const WHOLE = ['mnemonic', 'network', 'gateways', 'chainSources', 'backupUrl'] as const;

/** Names of what {@link offerPairing} takes. */
const OFFER = { mailbox: TEXT, wallet: OBJECT, signal: SIGNAL };

/** A new device that has read the code. */
interface Hello {
  /** The name that it gives itself. */
  name: string;
  /** Six digits that it shows. */
  number: string;
  /** Sends it the wallet. */
  give: () => Promise<void>;
}

/** The old device's side of a pairing; made by {@link offerPairing}. */
export class PairingOffer {
  /** The code to be shown, as text and as a QR code, to the new device alone. It holds for ten minutes. */
  readonly code: string;
  /** Time at which it stops holding, in seconds since the UNIX epoch. */
  readonly expiresAt: bigint;
  /**
   * Resolves with the name that the new device gives itself, once it has read the code. Rejects with a {@link WalletError}:
   * `expired`, `inUse` (somebody else took its answer), `corrupt`, `gatewayRefused`; or with the signal's reason.
   */
  readonly joined: Promise<string>;

  readonly #hello: Promise<Hello>;
  #tries = MAX_TRIES;
  #sent = false;

  /** Use {@link offerPairing}. */
  constructor(code: string, hello: Promise<Hello>) {
    this.code = code;
    this.expiresAt = BigInt(Math.floor((Date.now() + LIFE_MS) / 1000));
    this.joined = hello.then(({ name }) => name);
    this.#hello = hello;
    // Whoever waits for neither is told by `confirm`.
    this.joined.catch(() => undefined);
    hello.catch(() => undefined);
  }

  /**
   * Sends the wallet to the new device, when `number` is the one that it shows: another device that has read the code shows
   * another. After three wrong ones nothing more is sent.
   * @throws {WalletError} `invalidInput`: it is another number; `cancelled`: it was the third wrong one, or the wallet was sent;
   * `gatewayOffline`, `gatewayRefused`; as `joined` does
   */
  async confirm(number: string): Promise<void> {
    text('number', number);
    const { give, number: expected } = await this.#hello;
    if (this.#sent || this.#tries === 0) throw new WalletError('cancelled', 'This code is used up: show a new one.');
    if (number.replaceAll(/\D/g, '') !== expected) {
      this.#tries -= 1;
      if (this.#tries === 0)
        throw new WalletError('cancelled', 'That was the third wrong number: show a new code, where only you see it.');
      throw new WalletError('invalidInput', 'The new device shows another number: compare them, digit by digit.');
    }
    this.#sent = true;
    try {
      await give();
    } catch (error) {
      this.#sent = error instanceof WalletError && error.code === 'inUse';
      throw error;
    }
  }
}

/**
 * Begins to add a device to a wallet. Ask for the passphrase before (`revealMnemonic`): who gets this has the money.
 * @param options `mailbox`: http(s) URL of a gateway, whose mailbox both devices use; `wallet`: what the new device gets;
 * `signal`: aborted, the code holds no longer
 * @throws {WalletError} `invalidInput`
 */
export async function offerPairing(options: {
  mailbox: string;
  wallet: PairedWallet;
  signal?: AbortSignal | undefined;
}): Promise<PairingOffer> {
  const { mailbox, wallet, signal } = named('offerPairing', options, OFFER, ['mailbox', 'wallet']);
  named('wallet', wallet, WALLET, WHOLE);
  const origin = mailboxOrigin(mailbox);
  const secret = crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
  const mine = await deviceKeys();
  const letters = new Mailbox(origin, lifetime(signal));
  const code = writeCode({ secret, publicKey: mine.publicKey, mailbox: origin });
  const hello = (async () => {
    const keys = await helloKeys(secret);
    const { name, publicKey } = readHello(await unseal(keys, await letters.take(keys.id)));
    const { gift, number } = await shared(secret, mine, mine.publicKey, publicKey);
    const give = async (): Promise<void> => letters.put(gift.id, await seal(gift, JSON.stringify(wallet)));
    return { name, number, give };
  })();
  return new PairingOffer(code, hello);
}

/** The new device's side of a pairing; made by {@link joinPairing}. */
export interface PairingJoin {
  /** Six digits that the user types on the old device. */
  number: string;
  /**
   * Resolves with the wallet once they did. Rejects with a {@link WalletError}: `expired`, `inUse`, `corrupt`, `gatewayRefused`; or
   * with the signal's reason.
   */
  wallet: Promise<PairedWallet>;
}

/**
 * Answers the code that another device shows.
 * @param code the code, or the link with it
 * @param options `device`: name of this device, 1 to 40 characters, as the other one shows it; `signal`: aborted, it ends
 * @throws {WalletError} `invalidInput`: it is no code; `inUse`: another device has answered it; `gatewayOffline`, `gatewayRefused`
 */
export async function joinPairing(
  code: string,
  options: { device: string; signal?: AbortSignal | undefined },
): Promise<PairingJoin> {
  const { device, signal } = named('joinPairing', options, { device: TEXT, signal: SIGNAL }, ['device']);
  const name = device.trim().slice(0, MAX_NAME);
  if (name === '') throw new WalletError('invalidInput', '`device` is a name of 1 to 40 characters.');
  const { secret, publicKey: olds, mailbox } = readCode(text('code', code));
  const mine = await deviceKeys();
  const { gift, number } = await shared(secret, mine, olds, mine.publicKey);
  const letters = new Mailbox(mailbox, lifetime(signal));
  const keys = await helloKeys(secret);
  const hello = { name, publicKey: Array.from(mine.publicKey) };
  await letters.put(keys.id, await seal(keys, JSON.stringify(hello)));
  const wallet = (async () => readWallet(await unseal(gift, await letters.take(gift.id))))();
  wallet.catch(() => undefined); // whoever shows the number waits for it too
  return { number, wallet };
}

/** Ends with the code's time, or with what the caller gave. */
function lifetime(signal: AbortSignal | undefined): AbortSignal {
  const ended = new AbortController();
  const timer = setTimeout(
    () => ended.abort(new WalletError('expired', 'This code held for ten minutes: show a new one.')),
    LIFE_MS,
  );
  const end = (): void => {
    clearTimeout(timer);
    ended.abort(signal?.reason);
  };
  if (signal?.aborted) end();
  signal?.addEventListener('abort', end, { once: true });
  return ended.signal;
}

function read(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Below.
  }
  throw damaged();
}

function readHello(text: string): { name: string; publicKey: Bytes } {
  const { name, publicKey } = read(text);
  if (typeof name !== 'string' || !Array.isArray(publicKey)) throw damaged();
  return { name: name.slice(0, MAX_NAME), publicKey: Uint8Array.from(publicKey as number[]) };
}

/**
 * The old device is the user's own and has sent it: only its shape is checked. The engine checks the rest when it is opened.
 * @throws {WalletError} `corrupt`
 */
function readWallet(text: string): PairedWallet {
  const { mnemonic, network, gateways, chainSources, backupUrl } = read(text);
  if (typeof mnemonic !== 'string' || typeof network !== 'string' || typeof backupUrl !== 'string') throw damaged();
  if (!Array.isArray(gateways) || !Array.isArray(chainSources)) throw damaged();
  return { mnemonic, network, gateways, chainSources, backupUrl } as PairedWallet;
}
