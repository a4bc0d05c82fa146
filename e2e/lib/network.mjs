/** The regtest network of `cargo xtask regtest`, through its control API (crates/xtask/src/regtest/control.rs). */

import { readFileSync } from 'node:fs';
import { delimiter } from 'node:path';

/**
 * @typedef {{ adminUrl: string, adminToken: string }} Admin
 * @typedef {{ wwwUrl: string, controlUrl: string }} Where
 * @typedef {{ invoice: string, paymentHash: string }} Invoice
 */

/** Descriptions of the networks that run, one for each of Playwright's workers; none where one network is named otherwise. */
const FILES = (process.env['AMPLET_REGTEST_ENVS'] ?? '').split(delimiter).filter((file) => file !== '');

/** So many files of tests may run side by side. */
export const NETWORKS = Math.max(1, FILES.length);

/** @returns {Where} */
function where() {
  const { AMPLET_REGTEST_ENV: one, AMPLET_WWW_URL: www, AMPLET_CONTROL_URL: control } = process.env;
  if (FILES.length === 0 && www && control) return { wwwUrl: www, controlUrl: control };
  const file = FILES[Number(process.env['TEST_PARALLEL_INDEX'] ?? 0)] ?? one;
  if (!file) {
    throw new Error(
      'no network: run this through `cargo xtask test --only e2e`, or start `cargo xtask regtest --www ../www/dist --output F` and set AMPLET_REGTEST_ENV=F',
    );
  }
  return JSON.parse(readFileSync(file, 'utf8'));
}

export class Network {
  #where = where();

  get wwwUrl() {
    return this.#where.wwwUrl;
  }

  /** The page's config.json: network and gateways. */
  async config() {
    const response = await fetch(new URL('config.json', this.wwwUrl));
    return response.json();
  }

  /**
   * @param {'GET' | 'POST'} method
   * @param {string} path
   * @param {object} [body]
   * @returns {Promise<any>}
   */
  async #ask(method, path, body) {
    const response = await fetch(`${this.#where.controlUrl}/${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(`${path}: ${answer.error}`);
    return answer;
  }

  info() {
    return this.#ask('GET', 'info');
  }

  /**
   * Where the example sites are, without a slash at the end.
   * @returns {Promise<Record<'shop' | 'l402' | 'video' | 'game', string>>}
   */
  async examples() {
    const { examples } = await this.info();
    if (!examples) throw new Error('the network runs without the examples: start it with --examples');
    return examples;
  }

  /**
   * @param {number} [blocks]
   * @param {{ transactions?: number }} [options] `transactions`: mined only once so many wait: a page says that something is
   * done when it is signed and saved, which is before the miners have it
   */
  mine(blocks = 1, { transactions = 0 } = {}) {
    return this.#ask('POST', 'mine', { blocks, transactions });
  }

  /**
   * @param {string} address
   * @param {number} sat
   * @param {number} [blocks] mined after, none by default
   */
  fund(address, sat, blocks = 0) {
    return this.#ask('POST', 'fund', { address, sat, blocks });
  }

  /**
   * An invoice of the payee, which no wallet has a channel to.
   * @param {{ amountMsat?: bigint, description?: string, expirySecs?: number, amp?: boolean }} input
   * @returns {Promise<Invoice>}
   */
  invoice({ amountMsat, ...rest }) {
    return this.#ask('POST', 'invoice', {
      ...rest,
      ...(amountMsat === undefined ? {} : { amountMsat: String(amountMsat) }),
    });
  }

  /**
   * An invoice of the first gateway itself: one hop from a wallet that has a channel to it.
   * @param {bigint} amountMsat
   * @returns {Promise<Invoice>}
   */
  async gatewayInvoice(amountMsat) {
    /** @type {{ gateways: Admin[] }} */
    const { gateways } = await this.info();
    const [first] = gateways;
    if (!first) throw new Error('the network has no gateway');
    const response = await fetch(`${first.adminUrl}/admin/v1/invoices`, {
      method: 'POST',
      headers: { authorization: `Bearer ${first.adminToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({ amountMsat: String(amountMsat), description: 'bench' }),
    });
    if (!response.ok) throw new Error(`the gateway made no invoice: ${await response.text()}`);
    return response.json();
  }

  /**
   * Lets the third node pay; rejects unless the payment succeeded.
   * @param {string} invoice
   */
  async pay(invoice) {
    const payment = await this.#ask('POST', 'pay', { invoice });
    if (payment.state !== 'succeeded') throw new Error(`the payee could not pay: ${JSON.stringify(payment)}`);
    return payment;
  }

  /**
   * @param {'0' | '1' | 'payee'} node
   * @param {'kill' | 'stop' | 'start' | 'freeze' | 'thaw'} action
   */
  node(node, action) {
    return this.#ask('POST', `gateway/${node}/${action}`);
  }

  /** @param {'kill' | 'start'} action killed, it keeps its blocks and loses what waits for one */
  bitcoind(action) {
    return this.#ask('POST', `bitcoind/${action}`);
  }
}
