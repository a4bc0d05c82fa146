/** Demands of a server that answers 402: the challenges of `WWW-Authenticate` (RFC 9110, 11.6.1), and which we can meet. */

import { FILLED, FUNCTION, must, OBJECT, TEXT } from '../../base/kinds.ts';
import { PaidFetchError } from './errors.ts';

/** A challenge as it stands in the header: scheme and parameter names in lower case. */
export interface RawChallenge {
  /** In lower case. */
  readonly scheme: string;
  /** By name, in lower case. */
  readonly params: ReadonlyMap<string, string>;
}

/** L402, or LSAT as it was called: pay once, use the credential again. */
export interface L402Challenge {
  readonly kind: 'l402';
  /** As the server wrote it: old servers know only their own name. */
  readonly scheme: 'L402' | 'LSAT';
  /** The macaroon, or another token; goes back as it came. */
  readonly token: string;
  /** BOLT 11. */
  readonly invoice: string;
}

/** The HTTP "Payment" scheme's lightning charge (draft-lightning-charge-00): single use. */
export interface ChargeChallenge {
  readonly kind: 'charge';
  /** The parameters that the credential echoes. */
  readonly echo: Readonly<Record<string, string>>;
  /** BOLT 11. */
  readonly invoice: string;
  /** The price that the challenge states, in millisatoshi. */
  readonly amountMsat: bigint;
  /** In hex, when stated. */
  readonly paymentHash: string | null;
  /** `mainnet`, `testnet4`, `signet` or `regtest`; `null`: it is left to the invoice. */
  readonly network: string | null;
  /** Until when, in milliseconds since the UNIX epoch; `null`: as long as the invoice. */
  readonly expiresMs: number | null;
}

/** A challenge that can be met by one payment. */
export type Challenge = L402Challenge | ChargeChallenge;

/** Maximum length of a header that is read, in characters. */
const MAX_HEADER = 32_768;

const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const QUOTED = /"((?:[^"\\]|\\[\s\S])*)"/y;
const SPACE = /[ \t]*/y;
const TOKEN68 = /[A-Za-z0-9\-._~+/]+=*(?=[ \t]*(?:,|$))/y;
/** Servers leave out the quotes around base64 and addresses, too. */
const UNQUOTED = /[!#$%&'*+\-.^_`|~0-9A-Za-z/:=]+(?=[ \t,]|$)/y;

/**
 * Reads a header with one challenge or several, however they were joined. A challenge that cannot be read ends the list.
 * @throws {WalletError} `invalidInput`
 */
export function readChallenges(header: string): RawChallenge[] {
  must('header', header, TEXT);
  const challenges: RawChallenge[] = [];
  if (header.length > MAX_HEADER) return challenges;
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(header);
    if (match) at = pattern.lastIndex;
    return match;
  };
  let params: Map<string, string> | null = null;
  while (at < header.length) {
    take(SPACE);
    if (header[at] === ',') {
      at += 1;
      continue;
    }
    const word = take(TOKEN)?.[0];
    if (word === undefined) return challenges.slice(0, -1);
    const afterWord = at;
    take(SPACE);
    if (params !== null && header[at] === '=') {
      at += 1;
      take(SPACE);
      const quoted = take(QUOTED);
      const value = quoted ? quoted[1]!.replace(/\\([\s\S])/g, '$1') : take(UNQUOTED)?.[0];
      const name = word.toLowerCase();
      // Half a value would be paid for in vain; of a parameter that comes twice, which one is meant cannot be known.
      if (value === undefined || params.has(name)) return challenges.slice(0, -1);
      params.set(name, value);
      continue;
    }
    // A word without "=" begins a challenge; what follows may be a token68, which no scheme of ours uses.
    if (at === afterWord && at < header.length && header[at] !== ',') break;
    params = new Map();
    challenges.push({ scheme: word.toLowerCase(), params });
    take(TOKEN68);
  }
  return challenges;
}

/** Decides whether a challenge may be answered. */
export type Usable = (challenge: Challenge) => boolean;

/**
 * The challenge that is answered, of those that are `usable`: L402 before LSAT (which the same server offers for old clients)
 * before a single charge. One that makes no sense is passed over when there is another.
 *
 * @throws {PaidFetchError} `badChallenge` when there is none that can be met.
 */
export function chooseChallenge(header: string, usable: Usable = () => true): Challenge {
  must('usable', usable, FUNCTION);
  const all = readChallenges(header);
  const ranked = (['l402', 'lsat', 'charge'] as const).flatMap((kind) => all.filter((raw) => kindOf(raw) === kind));
  let wrong: Error | null = null;
  for (const raw of ranked) {
    try {
      const challenge =
        kindOf(raw) === 'charge'
          ? readCharge(raw.params)
          : readL402(kindOf(raw) === 'l402' ? 'L402' : 'LSAT', raw.params);
      if (usable(challenge)) return challenge;
    } catch (error) {
      wrong ??= error as Error;
    }
  }
  throw wrong ?? bad('asks for no payment that this wallet can make (L402, LSAT, or Payment with method "lightning")');
}

/** Returns the kind of a challenge; `null`: none that a single Lightning payment meets. */
export function kindOf({ scheme, params }: RawChallenge): 'l402' | 'lsat' | 'charge' | null {
  if (scheme === 'l402' || scheme === 'lsat') return scheme;
  return scheme === 'payment' && params.get('method') === 'lightning' && params.get('intent') === 'charge'
    ? 'charge'
    : null;
}

function readL402(scheme: 'L402' | 'LSAT', params: ReadonlyMap<string, string>): L402Challenge {
  const version = params.get('version');
  if (version !== undefined && version !== '0')
    throw bad(`speaks another version of ${scheme} than this wallet, which speaks version 0`);
  const token = params.get('token') ?? params.get('macaroon');
  const invoice = params.get('invoice');
  // It becomes a part of a header.
  if (token === undefined || !/^[A-Za-z0-9+/_=.,-]+$/.test(token))
    throw bad('sends no token, or one that cannot be sent back');
  if (invoice === undefined || invoice === '') throw bad('sends no invoice');
  return { kind: 'l402', scheme, token, invoice };
}

/** Parameters that a Payment credential echoes, where present. */
const ECHOED = [
  'description',
  'digest',
  'expires',
  'header',
  'id',
  'intent',
  'method',
  'opaque',
  'realm',
  'request',
] as const;

function readCharge(params: ReadonlyMap<string, string>): ChargeChallenge {
  const { echo, request, amountMsat, expiresMs } = readPayment(params);
  const { invoice, paymentHash = null, network = null } = object(request['methodDetails']);
  if (typeof invoice !== 'string' || invoice === '') throw bad('sends no invoice');
  if (paymentHash !== null && typeof paymentHash !== 'string') throw bad('states a payment hash that is none');
  if (network !== null && typeof network !== 'string') throw bad('states a network that is none');
  return { kind: 'charge', echo, invoice, amountMsat, paymentHash, network, expiresMs };
}

/** The common content of lightning challenges of the "Payment" scheme. */
export interface PaymentParams {
  /** The parameters that the credential echoes. */
  readonly echo: Readonly<Record<string, string>>;
  /** The request, decoded. */
  readonly request: Readonly<Record<string, unknown>>;
  /** Its amount, in millisatoshi. */
  readonly amountMsat: bigint;
  /** Until when, in milliseconds since the UNIX epoch; `null`: it does not say. */
  readonly expiresMs: number | null;
}

/**
 * Reads the parameters of a "Payment" challenge.
 * @throws {PaidFetchError} `badChallenge`
 */
export function readPayment(params: ReadonlyMap<string, string>): PaymentParams {
  const echo: Record<string, string> = {};
  for (const name of ECHOED) {
    const value = params.get(name);
    if (value !== undefined) echo[name] = value;
  }
  for (const name of ['id', 'realm', 'request']) if (!echo[name]) throw bad(`sends no ${name}`);
  const { header } = echo;
  if (header !== undefined && header !== 'Payment-Authorization')
    throw bad('wants the credential in a header that the "Payment" scheme does not know');
  const request = object(decode(echo['request']!));
  const { amount, currency } = request;
  if (currency !== 'sat') throw bad('states its price in another unit than sat');
  const expires = echo['expires'];
  const expiresMs = expires === undefined ? null : Date.parse(expires);
  if (Number.isNaN(expiresMs)) throw bad('states an expiry that is no time');
  return { echo, request, amountMsat: satOf(amount), expiresMs };
}

/**
 * Sat as the "Payment" scheme writes them, a positive decimal string; in millisatoshi.
 * @throws {PaidFetchError} `badChallenge`
 */
export function satOf(amount: unknown): bigint {
  if (typeof amount !== 'string' || !/^[1-9][0-9]{0,15}$/.test(amount)) throw bad('states no amount');
  return BigInt(amount) * 1000n;
}

function decode(base64url: string): unknown {
  try {
    const text = atob(base64url.replace(/-/g, '+').replace(/_/g, '/'));
    const bytes = Uint8Array.from(text, (char) => char.charCodeAt(0));
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw bad('sends a request that cannot be read', { cause });
  }
}

function object(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw bad('sends a request that is no object');
  return value as Record<string, unknown>;
}

/** A challenge that makes no sense. */
export const bad = (what: string, more: { response?: Response; cause?: unknown } = {}): PaidFetchError =>
  new PaidFetchError('badChallenge', `The server wants money but ${what}; nothing was paid. Tell the site.`, more);

/** The name of the header that carries the credential of a challenge. */
export const credentialHeader = (challenge: Challenge): 'Authorization' | 'Payment-Authorization' =>
  challenge.kind === 'charge' && challenge.echo['header'] !== undefined ? 'Payment-Authorization' : 'Authorization';

/**
 * The value of that header, which proves a payment. `preimage`: in hex.
 * @throws {WalletError} `invalidInput`
 */
export function authorization(challenge: Challenge, preimage: string): string {
  must('challenge', challenge, OBJECT);
  must('preimage', preimage, FILLED);
  if (challenge.kind === 'l402') return `${challenge.scheme} ${challenge.token}:${preimage}`;
  return paymentCredential(challenge.echo, { preimage });
}

/**
 * A credential of the "Payment" scheme. `echo` and `payload` hold strings under sorted names, so this is the canonical form
 * (RFC 8785).
 */
export function paymentCredential(
  echo: Readonly<Record<string, string>>,
  payload: Readonly<Record<string, string>>,
): string {
  const json = JSON.stringify({ challenge: echo, payload });
  const binary = Array.from(new TextEncoder().encode(json), (byte) => String.fromCharCode(byte)).join('');
  return `Payment ${btoa(binary).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')}`;
}
