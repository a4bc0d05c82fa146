/** What an LNURL leads to (LUD-01, 03, 04, 06, 12, 16, 17), asked over the net and read with suspicion. */

import { decodeBech32, toBytes } from '../bech32.ts';
import { isLoopback } from '../origin.ts';
import { SiteFault } from './types.ts';
import { invalid } from './validate.ts';

/** Longest answer of a service, in bytes: two thumbnails and some text. */
const MAX_ANSWER = 512 * 1024;
/** How long a service may take, in milliseconds. */
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
  /** Longest comment, in characters; 0: none. */
  readonly commentLength: number;
}

/** LUD-03. */
export interface WithdrawService {
  readonly tag: 'withdrawRequest';
  readonly callback: URL;
  readonly k1: string;
  readonly minMsat: bigint;
  readonly maxMsat: bigint;
  readonly text: string;
}

/** What was asked over the net. */
export type Service = PayService | WithdrawService | ServiceError;

/** The URL of an LNURL in any of its forms: bech32, `lnurlp://` and the like, `name@domain`. */
export function lnurlTarget(text: string): URL {
  const trimmed = text.trim().replace(/^lightning:/i, '');
  const address = /^([a-z0-9_.+-]+)@([a-z0-9.-]+(?::\d+)?)$/.exec(trimmed.toLowerCase());
  if (address) return serviceUrl(`${schemeFor(address[2]!)}://${address[2]}/.well-known/lnurlp/${address[1]}`);
  const scheme = /^(lnurlp|lnurlw|lnurlc|keyauth):(?:\/\/)?(.+)$/is.exec(trimmed);
  if (scheme) return serviceUrl(`${schemeFor(scheme[2]!.split(/[/?#]/, 1)[0]!)}://${scheme[2]}`);
  if (/^https?:\/\//i.test(trimmed)) return serviceUrl(trimmed);
  const decoded = decodeBech32(trimmed);
  if (decoded?.prefix !== 'lnurl') throw invalid('`lnurl` is no LNURL and no Lightning address.');
  return serviceUrl(new TextDecoder().decode(toBytes(decoded.words)));
}

/** Hidden services have no certificates; this machine needs none. */
function schemeFor(host: string): 'http' | 'https' {
  const hostname = host.replace(/:\d+$/, '');
  return hostname.endsWith('.onion') || isLoopback(hostname) ? 'http' : 'https';
}

/** A URL that a wallet may ask: https, or http to an onion service or this machine. */
export function serviceUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  const good = url?.protocol === 'https:' || (url?.protocol === 'http:' && (url.hostname.endsWith('.onion') || isLoopback(url.hostname)));
  if (!url || !good || url.username !== '' || url.password !== '') throw invalid('An LNURL leads to https, or to an onion service.');
  return url;
}

/** Asks a service what it wants. */
export async function askService(fetch: typeof globalThis.fetch, url: URL, signal: AbortSignal): Promise<Service> {
  const answer = await getJson(fetch, url, signal);
  if (answer['status'] === 'ERROR') return serviceError(answer);
  if (answer['tag'] === 'payRequest') return readPay(answer);
  if (answer['tag'] === 'withdrawRequest') return readWithdraw(answer);
  if (answer['tag'] === 'channelRequest' || answer['tag'] === 'hostedChannelRequest') {
    throw new SiteFault('UnsupportedMethodError', 'This wallet opens no channels by LNURL.');
  }
  throw invalid('The service behind the LNURL asks for nothing that this wallet knows.');
}

function readPay(answer: Record<string, unknown>): PayService {
  const metadata = answer['metadata'];
  if (typeof metadata !== 'string') throw invalid('The service behind the LNURL sends no metadata.');
  const commentLength = answer['commentAllowed'];
  return {
    tag: 'payRequest',
    callback: callbackOf(answer),
    ...rangeOf(answer, 'minSendable', 'maxSendable'),
    metadata,
    text: plainText(metadata),
    commentLength: typeof commentLength === 'number' && Number.isInteger(commentLength) && commentLength > 0 ? Math.min(commentLength, 2_000) : 0,
  };
}

function readWithdraw(answer: Record<string, unknown>): WithdrawService {
  const { k1, defaultDescription = '' } = answer;
  if (typeof k1 !== 'string' || k1 === '' || k1.length > 1_024) throw invalid('The service behind the LNURL sends no k1.');
  if (typeof defaultDescription !== 'string') throw invalid('The service behind the LNURL sends a description that is no text.');
  const text = defaultDescription.slice(0, 639);
  return { tag: 'withdrawRequest', callback: callbackOf(answer), k1, ...rangeOf(answer, 'minWithdrawable', 'maxWithdrawable'), text };
}

function callbackOf({ callback }: Record<string, unknown>): URL {
  if (typeof callback !== 'string') throw invalid('The service behind the LNURL sends no callback.');
  return serviceUrl(callback);
}

function rangeOf(answer: Record<string, unknown>, min: string, max: string): { minMsat: bigint; maxMsat: bigint } {
  const [least, most] = [answer[min], answer[max]];
  const whole = (value: unknown): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
  if (!whole(least) || !whole(most) || most < 1 || least > most) throw invalid('The service behind the LNURL states no amounts that make sense.');
  return { minMsat: BigInt(Math.max(least, 1)), maxMsat: BigInt(most) };
}

function plainText(metadata: string): string {
  let entries: unknown = null;
  try {
    entries = JSON.parse(metadata);
  } catch {
    // Said below.
  }
  const plain: unknown = Array.isArray(entries) ? entries.find((entry: unknown) => Array.isArray(entry) && entry[0] === 'text/plain') : null;
  const words: unknown = Array.isArray(plain) ? plain[1] : null;
  if (typeof words !== 'string') throw invalid('The service behind the LNURL does not say what is paid for.');
  return words.slice(0, 2_000);
}

/** The service's own error, as WebLN hands it on. */
export function serviceError({ reason }: Record<string, unknown>): ServiceError {
  return { status: 'ERROR', reason: typeof reason === 'string' ? reason.slice(0, 500) : 'The service gives no reason.' };
}

/** GETs JSON, whatever the status (LUD-01), without cookies and without a referrer. */
export async function getJson(fetch: typeof globalThis.fetch, url: URL, signal: AbortSignal): Promise<Record<string, unknown>> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
  try {
    const response = await fetch(url, { credentials: 'omit', referrerPolicy: 'no-referrer', cache: 'no-store', signal: limit });
    if (response.url !== '') serviceUrl(response.url);
    const value: unknown = JSON.parse(await readText(response));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (cause) {
    if (cause instanceof SiteFault) throw cause;
    throw new SiteFault('ConnectionError', `The service at ${url.hostname} gives no answer that can be read.`, { cause });
  }
  throw new SiteFault('ConnectionError', `The service at ${url.hostname} gives no answer that can be read.`);
}

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
