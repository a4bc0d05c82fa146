/** Services behind LNURLs (LUD-01, 03, 04, 06, 12, 16, 17, 18, and a PIN), asked over the net and read with suspicion. */

import { bech32 } from '@scure/base';
import { invalid, ProviderError } from '../errors.ts';
import { isLoopback, isPublicHost } from '../origin.ts';
import type { PayerField, Site } from '../types.ts';

/** Maximum size of a service's answer, in bytes: two thumbnails and some text. */
const MAX_ANSWER = 512 * 1024;
/** Time that a service may take, in milliseconds. */
const TIMEOUT_MS = 30_000;

/** An error that the service itself reports. */
export interface ServiceError {
  readonly status: 'ERROR';
  readonly reason: string;
}

/** LUD-06, LUD-12. */
export interface PayService {
  readonly tag: 'payRequest';
  readonly callback: URL;
  readonly minMsat: bigint;
  readonly maxMsat: bigint;
  /** As it came: its hash is in the invoice. */
  readonly metadata: string;
  /** `text/plain` of the metadata. */
  readonly text: string;
  /** Maximum length of a comment, in characters; 0: none. */
  readonly commentLength: number;
  /** Data of the payer that it asks for (LUD-18). */
  readonly payer: readonly PayerField[];
  /** Challenge to sign for the `login` of `payer`, in hex. */
  readonly k1: string | null;
}

/** LUD-03; `pinFromMsat`: from this amount on it wants a PIN. */
export interface WithdrawService {
  readonly tag: 'withdrawRequest';
  readonly callback: URL;
  readonly k1: string;
  readonly minMsat: bigint;
  readonly maxMsat: bigint;
  readonly text: string;
  readonly pinFromMsat: bigint | null;
}

/** A service, as it described itself. */
export type Service = PayService | WithdrawService | ServiceError;

/**
 * The URL of an LNURL in any of its forms: bech32, `lnurlp://` and the like, `name@domain`.
 * @throws {ProviderError} `InvalidDataError`
 */
export function lnurlTarget(text: string): URL {
  const trimmed = text
    .replace(INVISIBLE, '')
    .trim()
    .replace(/^(?:lightning|lnurl):(?:\/\/)?/i, '');
  const address = /^([₿⚡]?)\s*([^\s@:/?#]*)@([^\s@/?#]*)$/u.exec(trimmed);
  if (address) return addressTarget(address[1]!, address[2]!.toLowerCase(), address[3]!);
  const scheme = /^(lnurlp|lnurlw|lnurlc|keyauth):(?:\/\/)?(.+)$/is.exec(trimmed);
  if (scheme) return serviceUrl(`${schemeFor(scheme[2]!.split(/[/?#]/, 1)[0]!)}://${scheme[2]}`);
  if (/^https?:\/\//i.test(trimmed)) return fallbackOf(trimmed) ?? serviceUrl(trimmed);
  const bytes = bech32Bytes(trimmed);
  if (bytes === null) throw invalid('`lnurl` is no LNURL and no Lightning address.');
  return serviceUrl(new TextDecoder().decode(bytes));
}

/** Characters without a glyph, which messengers and web pages put around what is copied. */
const INVISIBLE = /[\p{Cf}\ufe00-\ufe0f]/gu;

/**
 * The URL of a Lightning Address (LUD-16); a domain with letters beyond ASCII is asked for by its name in DNS.
 * @throws {ProviderError} `InvalidDataError`
 */
function addressTarget(sign: string, user: string, domain: string): URL {
  if (sign === '₿') {
    throw invalid('`lnurl` is a BIP 353 name (₿), which this wallet cannot pay yet: ask for a Lightning address.');
  }
  const host = URL.canParse(`https://${domain}`) ? new URL(`https://${domain}`) : null;
  const labels = host?.hostname.split('.') ?? [];
  if (!/^[a-z0-9_.+-]+$/.test(user) || !host || host.hostname.startsWith('[') || labels.includes('')) {
    throw invalid('`lnurl` is no Lightning address: it is written name@domain.');
  }
  const port = /:\d+$/.exec(domain)?.[0] ?? '';
  return serviceUrl(`${schemeFor(host.hostname)}://${host.hostname}${port}/.well-known/lnurlp/${user}`);
}

/** The bytes of a bech32 LNURL (LUD-01: BIP 173 without its limit of length); `null` when it is none. */
function bech32Bytes(text: string): Uint8Array | null {
  const decoded = bech32.decodeUnsafe(text, false);
  if (!decoded || decoded.prefix !== 'lnurl') return null;
  return bech32.fromWordsUnsafe(decoded.words) ?? null;
}

/** The LNURL that a page's address carries for wallets (LUD-01, fallback scheme). */
function fallbackOf(text: string): URL | null {
  const inside = URL.canParse(text) ? new URL(text).searchParams.get('lightning') : null;
  return inside !== null && /^lnurl1/i.test(inside) ? lnurlTarget(inside) : null;
}

/** Hidden services have no certificates; this machine needs none. */
function schemeFor(host: string): 'http' | 'https' {
  const hostname = host.replace(/:\d+$/, '');
  return hostname.endsWith('.onion') || isLoopback(hostname) ? 'http' : 'https';
}

/**
 * A URL that a wallet may ask: https, or http to an onion service or this machine.
 * @throws {ProviderError} `InvalidDataError`
 */
export function serviceUrl(text: string): URL {
  // A browser takes the first part of the path for the host where there is none.
  const url = /^https?:\/\/[^/\\?#]/i.test(text) && URL.canParse(text) ? new URL(text) : null;
  const good =
    url?.protocol === 'https:' ||
    (url?.protocol === 'http:' && (url.hostname.endsWith('.onion') || isLoopback(url.hostname)));
  if (!url || !good || url.username !== '' || url.password !== '' || /^\.|\.\./.test(url.hostname))
    throw invalid('An LNURL leads to https, or to an onion service.');
  return url;
}

/**
 * Refuses pages what runs on this machine and in its network: whoever opened the page may not reach that. What the page itself comes
 * from it reaches anyhow.
 * @throws {ProviderError} `InvalidDataError`
 */
export function refuseLocal({ origin }: Site, { hostname }: URL): void {
  const own = new URL(origin).hostname;
  if (isPublicHost(hostname) || hostname === own || (isLoopback(hostname) && isLoopback(own))) return;
  throw invalid('An LNURL of a site does not lead to this machine or to its network.');
}

/** Asks a service what it wants of `site`. */
export async function askService(
  fetch: typeof globalThis.fetch,
  site: Site,
  url: URL,
  signal: AbortSignal,
): Promise<Service> {
  refuseLocal(site, url);
  const answer = await getJson(fetch, url, signal);
  if (answer['status'] === 'ERROR') return serviceError(answer);
  if (answer['tag'] === 'payRequest') return checked(readPay(answer, url), site);
  if (answer['tag'] === 'withdrawRequest') return checked(readWithdraw(answer), site);
  if (answer['tag'] === 'channelRequest' || answer['tag'] === 'hostedChannelRequest') {
    throw new ProviderError('UnsupportedMethodError', 'This wallet opens no channels by LNURL.');
  }
  throw invalid('The service behind the LNURL asks for nothing that this wallet knows.');
}

function checked<S extends PayService | WithdrawService>(service: S, site: Site): S {
  refuseLocal(site, service.callback);
  return service;
}

function readPay(answer: Record<string, unknown>, { host }: URL): PayService {
  const metadata = answer['metadata'];
  if (typeof metadata !== 'string') throw invalid('The service behind the LNURL sends no metadata.');
  const commentLength = answer['commentAllowed'];
  const callback = callbackOf(answer);
  return {
    tag: 'payRequest',
    callback,
    ...rangeOf(answer, 'minSendable', 'maxSendable'),
    metadata,
    text: plainText(metadata),
    commentLength:
      typeof commentLength === 'number' && Number.isInteger(commentLength) && commentLength > 0
        ? Math.min(commentLength, 2_000)
        : 0,
    // A login is signed for the domain that asked (LUD-18), and shown to nobody else: it logs in whoever has it.
    ...readPayer(answer['payerData'], callback.host === host),
  };
}

/** Names of the fields (LUD-18), and what they are to a user. */
const PAYER_FIELDS: Readonly<Record<string, PayerField['field']>> = {
  name: 'name',
  identifier: 'identifier',
  email: 'email',
  auth: 'login',
};

/** A service's word in a message: short, on one line, without what turns it around. */
const shown = (word: string): string => word.replace(/[\p{C}\p{Z}]+/gu, ' ').slice(0, 32);

/** Whoever has to know more than a user can tell, or `mayLogIn` allows, does not get the money. */
function readPayer(stated: unknown, mayLogIn: boolean): Pick<PayService, 'payer' | 'k1'> {
  if (typeof stated !== 'object' || stated === null) return { payer: [], k1: null };
  const all = Object.entries(stated as Record<string, { mandatory?: unknown; k1?: unknown } | null>);
  const k1 = all.find(([name]) => name === 'auth')?.[1]?.k1;
  const signable = mayLogIn && typeof k1 === 'string' && /^[0-9a-fA-F]{64}$/.test(k1);
  const payer = all.flatMap(([name, asked]) => {
    const [field, mandatory] = [
      Object.hasOwn(PAYER_FIELDS, name) ? PAYER_FIELDS[name]! : null,
      asked?.mandatory === true,
    ];
    if (field !== null && (field !== 'login' || signable)) return [{ field, mandatory }];
    if (mandatory)
      throw invalid(
        `The service behind the LNURL wants to know the payer's "${shown(name)}", which this wallet does not tell.`,
      );
    return [];
  });
  return { payer, k1: signable ? k1 : null };
}

function readWithdraw(answer: Record<string, unknown>): WithdrawService {
  const { k1, defaultDescription = '' } = answer;
  if (typeof k1 !== 'string' || k1 === '' || k1.length > 1_024)
    throw invalid('The service behind the LNURL sends no k1.');
  if (typeof defaultDescription !== 'string')
    throw invalid('The service behind the LNURL sends a description that is no text.');
  if (answer['maxWithdrawable'] === 0) throw invalid('There is nothing to withdraw behind this LNURL.');
  const limit = answer['pinLimit'];
  return {
    tag: 'withdrawRequest',
    callback: callbackOf(answer),
    k1,
    ...rangeOf(answer, 'minWithdrawable', 'maxWithdrawable'),
    text: defaultDescription.slice(0, 639),
    pinFromMsat: typeof limit === 'number' && Number.isSafeInteger(limit) && limit >= 0 ? BigInt(limit) : null,
  };
}

function callbackOf({ callback }: Record<string, unknown>): URL {
  if (typeof callback !== 'string') throw invalid('The service behind the LNURL sends no callback.');
  return serviceUrl(callback);
}

function rangeOf(answer: Record<string, unknown>, min: string, max: string): { minMsat: bigint; maxMsat: bigint } {
  const [least, most] = [answer[min], answer[max]];
  const whole = (value: unknown): value is number =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
  if (!whole(least) || !whole(most) || most < 1 || least > most)
    throw invalid('The service behind the LNURL states no amounts that make sense.');
  return { minMsat: BigInt(Math.max(least, 1)), maxMsat: BigInt(most) };
}

function plainText(metadata: string): string {
  let entries: unknown = null;
  try {
    entries = JSON.parse(metadata);
  } catch {
    // Said below.
  }
  const plain: unknown = Array.isArray(entries)
    ? entries.find((entry: unknown) => Array.isArray(entry) && entry[0] === 'text/plain')
    : null;
  const words: unknown = Array.isArray(plain) ? plain[1] : null;
  if (typeof words !== 'string') throw invalid('The service behind the LNURL does not say what is paid for.');
  return words.slice(0, 2_000);
}

/** The service's own error, as WebLN hands it on. */
export function serviceError({ reason }: Record<string, unknown>): ServiceError {
  return {
    status: 'ERROR',
    reason: typeof reason === 'string' ? reason.slice(0, 500) : 'The service gives no reason.',
  };
}

/**
 * GETs JSON, whatever the status (LUD-01), without cookies, referrer and redirects: the name that was asked is the one that is shown
 * and signed for, and nobody it names is asked in its place.
 */
export async function getJson(
  fetch: typeof globalThis.fetch,
  url: URL,
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
  try {
    const response = await fetch(url, {
      credentials: 'omit',
      referrerPolicy: 'no-referrer',
      cache: 'no-store',
      redirect: 'error',
      signal: limit,
    });
    if (response.redirected || (response.url !== '' && new URL(response.url).origin !== url.origin))
      throw invalid(`The service at ${url.hostname} leads elsewhere, which a wallet does not follow.`);
    const value: unknown = JSON.parse(await readText(response));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (cause) {
    if (cause instanceof ProviderError) throw cause;
    throw unreadable(url, cause);
  }
  throw unreadable(url);
}

const unreadable = ({ hostname }: URL, cause?: unknown): ProviderError =>
  new ProviderError(
    'ConnectionError',
    `The service at ${hostname} gives no answer that can be read, or leads elsewhere.`,
    { cause },
  );

async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let size = 0;
  const reader = response.body?.getReader();
  for (let part = await reader?.read(); part?.value; part = await reader?.read()) {
    size += part.value.length;
    if (size > MAX_ANSWER) {
      await reader?.cancel();
      throw new Error('the answer is too long');
    }
    text += decoder.decode(part.value, { stream: true });
  }
  return text + decoder.decode();
}
