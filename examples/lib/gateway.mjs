/** The gateway's API for sites, as far as these examples use it: fetch and nothing else. `GET /v1/openapi.json` has it all. */

import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * @typedef {object} Invoice
 * @property {string} paymentHash Names it.
 * @property {string} invoice BOLT 11.
 * @property {'open' | 'paid' | 'expired'} state
 * @property {string | null} amountMsat Decimal text.
 * @property {string | null} receivedMsat
 * @property {string} description
 * @property {number} createdAt Seconds since 1970.
 * @property {number} expiresAt
 * @property {number | null} paidAt
 * @property {Record<string, string>} metadata As it was given.
 *
 * @typedef {object} NewInvoice
 * @property {bigint} amountMsat
 * @property {string} description
 * @property {number} [expirySecs]
 * @property {Record<string, string>} [metadata]
 * @property {string} [webhookUrl]
 *
 * @typedef {object} Payment
 * @property {string} paymentHash
 * @property {'pending' | 'succeeded' | 'failed'} state
 * @property {string} amountMsat
 * @property {string | null} feeMsat
 * @property {{ code: string, message: string } | null} error
 *
 * @typedef {object} Session
 * @property {string} id For the custom record 4279633 of each keysend.
 * @property {string} nodeId Whom to pay.
 * @property {'open' | 'closed'} state
 * @property {string} receivedMsat All that has come in.
 * @property {number} payments
 * @property {number} expiresAt
 * @property {Record<string, string>} metadata
 */

/** An action that the gateway refused, and the reason. */
export class GatewayError extends Error {
  /** @override */
  name = 'GatewayError';

  /**
   * @param {number} status
   * @param {string} code See `ApiCode` in the OpenAPI document.
   * @param {string} message With the remedy.
   */
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Older calls than this many seconds are repeats of overheard ones. */
const OLDEST_CALL = 300;

export class Gateway {
  #url;
  #key;

  /**
   * @param {string} url
   * @param {string} key `amplet_…`; belongs on a server, never in a page
   */
  constructor(url, key) {
    this.#url = url.replace(/\/$/, '');
    this.#key = key;
  }

  /**
   * @param {NewInvoice} invoice
   * @param {string} [once] Repeat a request with the same text after a lost answer: the invoice is made once.
   * @returns {Promise<Invoice>}
   */
  createInvoice(invoice, once) {
    return this.#ask('POST', '/v1/invoices', { ...invoice, amountMsat: invoice.amountMsat.toString() }, once);
  }

  /**
   * @param {string} paymentHash
   * @param {number} [waitSecs] Answer when it is decided, or after so many seconds; 60 at most.
   * @returns {Promise<Invoice>}
   */
  invoice(paymentHash, waitSecs = 0) {
    return this.#ask('GET', `/v1/invoices/${encodeURIComponent(paymentHash)}?waitSecs=${waitSecs}`);
  }

  /**
   * Pays somebody's invoice, once, if it asks for at most `maxAmountMsat` and the key's limits allow it.
   *
   * @param {string} invoice
   * @param {bigint} maxAmountMsat
   * @param {string} once
   * @returns {Promise<Payment>}
   */
  pay(invoice, maxAmountMsat, once) {
    return this.#ask('POST', '/v1/payments', { invoice, maxAmountMsat: maxAmountMsat.toString() }, once);
  }

  /**
   * Opens a session that wallets pay bit by bit.
   *
   * @param {{ expirySecs?: number, metadata?: Record<string, string> }} session
   * @returns {Promise<Session>}
   */
  openSession(session) {
    return this.#ask('POST', '/v1/sessions', session);
  }

  /**
   * @param {string} id
   * @param {{ aboveMsat?: bigint, waitSecs?: number }} [wait] Answer when more than `aboveMsat` has come in, or after so many seconds.
   * @returns {Promise<Session>}
   */
  session(id, { aboveMsat = 0n, waitSecs = 0 } = {}) {
    return this.#ask('GET', `/v1/sessions/${encodeURIComponent(id)}?aboveMsat=${aboveMsat}&waitSecs=${waitSecs}`);
  }

  /**
   * @param {'GET' | 'POST'} method
   * @param {string} path
   * @param {object} [body]
   * @param {string} [once]
   * @returns {Promise<any>}
   */
  async #ask(method, path, body, once) {
    const response = await fetch(this.#url + path, {
      method,
      headers: {
        authorization: `Bearer ${this.#key}`,
        ...(body && { 'content-type': 'application/json' }),
        ...(once && { 'idempotency-key': once }),
      },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(90_000),
    });
    const answer = await response.json();
    if (!response.ok) throw new GatewayError(response.status, answer.code, answer.message);
    return answer;
  }
}

/**
 * Reads a call of the gateway to a webhook; `null` when it is not the gateway's, or a repeat of an old one.
 *
 * @param {string} secret `whsec_…`
 * @param {string | undefined} header `Amplet-Signature`
 * @param {string} body As it came.
 * @param {number} [now] Seconds since 1970.
 * @returns {{ id: string, type: string, data: any } | null}
 */
export function readWebhook(secret, header, body, now = Date.now() / 1000) {
  const [, at, given] = /^t=(\d{1,12}),v1=([0-9a-f]{64})$/.exec(header ?? '') ?? [];
  if (at === undefined || given === undefined || Math.abs(now - Number(at)) > OLDEST_CALL) return null;
  const right = createHmac('sha256', secret).update(`${at}.${body}`).digest();
  return timingSafeEqual(right, Buffer.from(given, 'hex')) ? JSON.parse(body) : null;
}
