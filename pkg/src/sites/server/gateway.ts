/** A client of the gateway's API for sites (`GET /v1/openapi.json` has all of it), and the check of its webhooks. */

import { bindMethods } from '../../base/bound.ts';
import {
  AMOUNT,
  FILLED,
  FUNCTION,
  must,
  NAMED_TEXTS,
  OBJECT,
  REQUEST,
  TEXT,
  whole,
  type Kind,
} from '../../base/kinds.ts';
import { named, type Names } from '../../base/named.ts';
import { fromHex } from '../proof.ts';
import type { Json } from '../wire.ts';
import { hmac, same } from './hmac.ts';
import type { IssuedInvoice } from './types.ts';

/** An invoice of a gateway's account. */
export interface ApiInvoice extends IssuedInvoice {
  /** Where it stands. */
  readonly state: 'open' | 'paid' | 'expired';
  /** In msat; `null`: the payer chooses. */
  readonly amountMsat: bigint | null;
  /** In msat; `null`: nothing yet. */
  readonly receivedMsat: bigint | null;
  /** What the payer reads. */
  readonly description: string;
  /** Seconds since the UNIX epoch. */
  readonly createdAt: number;
  /** Seconds since the UNIX epoch; `null`: it is not paid. */
  readonly paidAt: number | null;
  /** As it was given. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** A payment from a gateway's account. */
export interface ApiPayment {
  /** In hex. */
  readonly paymentHash: string;
  /** Where it stands. */
  readonly state: 'pending' | 'succeeded' | 'failed';
  /** In msat, without the fee. */
  readonly amountMsat: bigint;
  /** In msat; `null`: not known. */
  readonly feeMsat: bigint | null;
  /** Why it failed: `code` and `message`. */
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** A new invoice. */
export interface NewInvoice {
  /** In msat; without it the payer chooses. */
  readonly amountMsat?: bigint | undefined;
  /** What the payer reads. */
  readonly description?: string | undefined;
  /** Seconds for which it can be paid. */
  readonly expirySecs?: number | undefined;
  /** Comes back with the invoice and in webhooks, such as an order's id. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Called when it is paid or expires, beside the account's webhooks. */
  readonly webhookUrl?: string | undefined;
}

/** A refusal of the gateway. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';

  /** The HTTP status, a number. */
  readonly status: number;

  /** For programs: `ApiCode` of the OpenAPI document. */
  readonly code: string;

  /** `status`: the HTTP status, a number; `message` names the remedy. */
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Ms after which a request is given up: the gateway waits up to a minute when it is asked to. */
const TIMEOUT_MS = 90_000;

const URL_KIND: Kind = {
  is: (value) => typeof value === 'string' && /^https?:/.test(value),
  what: 'the gateway\'s, such as "https://gateway.example"',
};
const KEY_KIND: Kind = { ...FILLED, what: 'what `amplet-gateway keys` made: amplet_…' };
const INVOICE: Names<NewInvoice> = {
  amountMsat: AMOUNT,
  description: TEXT,
  expirySecs: whole(1, 0xffff_ffff),
  metadata: NAMED_TEXTS,
  webhookUrl: TEXT,
};
const WAIT = { waitSecs: whole(0, 60) };

/** The API. Every method rejects with a {@link GatewayError}, or as `fetch` does when the gateway cannot be reached. */
export class GatewayApi {
  readonly #url: string;
  readonly #key: string;
  readonly #fetch: typeof globalThis.fetch;

  /**
   * `url` of the gateway; `key`: `amplet_…`, for servers, never for a page; `options.fetch`: in place of the environment's.
   * @throws {WalletError} `invalidInput`, as every method does for arguments that are not what they should be
   */
  constructor(url: string, key: string, options: { fetch?: typeof globalThis.fetch | undefined } = {}) {
    const { fetch = globalThis.fetch } = named('GatewayApi', options, { fetch: FUNCTION });
    must('url', url, URL_KIND);
    must('key', key, KEY_KIND);
    bindMethods(this);
    this.#url = url.replace(/\/$/, '');
    this.#key = key;
    this.#fetch = (...call) => fetch(...call);
  }

  /** Makes an invoice. `once`: a text of yours; repeated after a lost answer, the invoice is made once. Rejects as all do. */
  async createInvoice(invoice: NewInvoice, once?: string): Promise<ApiInvoice> {
    named('createInvoice', must<NewInvoice>('invoice', invoice, OBJECT), INVOICE);
    if (once !== undefined) must('once', once, FILLED);
    return asInvoice(await this.#ask('POST', '/v1/invoices', invoice, once));
  }

  /** An invoice by its hash, in hex; answers once it is paid or expired, or after `waitSecs` seconds, at most 60. Rejects as all do. */
  async invoice(paymentHash: string, options?: { waitSecs?: number | undefined }): Promise<ApiInvoice> {
    const { waitSecs = 0 } = named('invoice', options, WAIT);
    must('paymentHash', paymentHash, FILLED);
    return asInvoice(await this.#ask('GET', `/v1/invoices/${encodeURIComponent(paymentHash)}?waitSecs=${waitSecs}`));
  }

  /**
   * Pays an invoice, once, if it asks for at most `maxAmountMsat` (msat) and the key's limits allow it. `once`: as in `createInvoice`.
   * Rejects as all do.
   */
  async pay(invoice: string, maxAmountMsat: bigint, once: string): Promise<ApiPayment> {
    must('invoice', invoice, FILLED);
    must('maxAmountMsat', maxAmountMsat, AMOUNT);
    must('once', once, FILLED);
    const paid = (await this.#ask('POST', '/v1/payments', { invoice, maxAmountMsat }, once)) as unknown as ApiPayment;
    return { ...paid, amountMsat: BigInt(paid.amountMsat), feeMsat: optional(paid.feeMsat) };
  }

  async #ask(method: 'GET' | 'POST', path: string, body?: object, once?: string): Promise<Record<string, unknown>> {
    const response = await this.#fetch(this.#url + path, {
      method,
      headers: {
        authorization: `Bearer ${this.#key}`,
        ...(body && { 'content-type': 'application/json' }),
        ...(once && { 'idempotency-key': once }),
      },
      ...(body && {
        body: JSON.stringify(body, (_, part: unknown) => (typeof part === 'bigint' ? String(part) : part)),
      }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const answer = (await response.json().catch(() => ({}))) as Record<string, unknown>;
    if (response.ok) return answer;
    const { code = 'internal', message = `The gateway answers ${response.status}.` } = answer as Record<string, string>;
    throw new GatewayError(response.status, code, message);
  }
}

const optional = (amount: unknown): bigint | null => (amount == null ? null : BigInt(amount as string));

const asInvoice = (answer: Record<string, unknown>): ApiInvoice => ({
  ...(answer as unknown as ApiInvoice),
  amountMsat: optional(answer['amountMsat']),
  receivedMsat: optional(answer['receivedMsat']),
});

/** A call of the gateway to a webhook. */
export interface WebhookCall {
  /** Of the call: the same when it is repeated. */
  readonly id: string;
  /** Such as `invoice.paid`. */
  readonly type: string;
  /** What it is about; amounts are decimal texts. */
  readonly data: Json;
}

/** Older calls than this many seconds are repeats of overheard ones. */
const OLDEST_SECS = 300;

/**
 * Reads a webhook's request, if it is the gateway's; `null`: its signature (`Amplet-Signature`) is wrong, or older than five minutes:
 * answer 400. Rejects with what reading the body rejects with.
 * @param secret `whsec_…`, as the gateway told it
 * @param now seconds since the UNIX epoch
 * @throws {WalletError} `invalidInput`
 */
export async function readWebhook(
  secret: string,
  request: Request,
  now = Date.now() / 1000,
): Promise<WebhookCall | null> {
  must('secret', secret, FILLED);
  must('request', request, REQUEST);
  const header = request.headers.get('amplet-signature') ?? '';
  const [, at, given] = /^t=(\d{1,12}),v1=([0-9a-f]{64})$/.exec(header) ?? [];
  const body = await request.text();
  if (at === undefined || given === undefined || Math.abs(now - Number(at)) > OLDEST_SECS) return null;
  if (!same(await hmac(secret, `${at}.${body}`), fromHex(given))) return null;
  return JSON.parse(body) as WebhookCall;
}
