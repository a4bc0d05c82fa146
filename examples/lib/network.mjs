/** The regtest network with the examples on it (`cargo xtask regtest --examples`), and a payer: its first gateway. */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

const file = process.env['AMPLET_REGTEST_ENV'];
if (!file)
  throw new Error(
    'no network: `cargo xtask test --only examples`, or start `cargo xtask regtest --examples --output F` and set AMPLET_REGTEST_ENV=F',
  );

/**
 * @type {{ examples: Record<'shop' | 'l402' | 'video' | 'game', string>,
 *   gateways: { adminUrl: string, adminToken: string }[], payee: { url: string } }}
 */
const { examples, gateways, payee } = JSON.parse(readFileSync(file, 'utf8'));
if (!examples) throw new Error('the network runs without the examples; start it with --examples');

export { examples };
export const gatewayUrl = payee.url;

/**
 * @param {string} url
 * @param {RequestInit} [init]
 */
export async function get(url, init) {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(120_000) });
  const body = await response.text();
  return { status: response.status, headers: response.headers, body, json: () => JSON.parse(body) };
}

/** @param {string} url @param {object} body */
export const post = (url, body) =>
  get(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

/** @param {string} path @param {object} body @returns {Promise<any>} */
async function admin(path, body) {
  const [gateway] = gateways;
  if (!gateway) throw new Error('the network has no gateway');
  const answer = await get(`${gateway.adminUrl}/admin/v1/${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.adminToken}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (answer.status >= 300) throw new Error(`${path}: ${answer.body}`);
  return answer.json();
}

/** Pays an invoice; the preimage, in hex, which is its proof. @param {string} invoice @returns {Promise<string>} */
export async function pay(invoice) {
  const { state, preimage, paymentHash, error } = await admin('payments', { invoice });
  if (state !== 'succeeded') throw new Error(`the payment is ${state}: ${error?.message}`);
  if (createHash('sha256').update(Buffer.from(preimage, 'hex')).digest('hex') !== paymentHash)
    throw new Error('the proof is none');
  return preimage;
}

/**
 * Pays a streaming session.
 * @param {string} payee @param {string} session @param {number} msat
 * @returns {Promise<string>} The payment's state.
 */
export async function keysend(payee, session, msat) {
  const records = [{ type: 4279633, value: Buffer.from(session, 'utf8').toString('hex') }];
  return (await admin('keysend', { payee, amountMsat: msat.toString(), records })).state;
}

/** An invoice of the payer. @param {number} msat @returns {Promise<{ invoice: string, paymentHash: string }>} */
export const invoice = (msat) => admin('invoices', { amountMsat: msat.toString(), description: 'a prize' });

/** Parameters of the challenge of one scheme in `WWW-Authenticate`. @param {string} header @param {string} scheme */
export function challenge(header, scheme) {
  const [, rest = ''] = new RegExp(`(?:^|, )${scheme} ((?:[a-z]+="[^"]*"(?:, )?)+)`, 'i').exec(header) ?? [];
  return Object.fromEntries(Array.from(rest.matchAll(/([a-z]+)="([^"]*)"/gi), ([, name, value]) => [name, value]));
}

/**
 * Plays until a game is won, with the best guess each time.
 *
 * @param {string} game
 * @returns {Promise<{ life: string, lives: number }>}
 */
export async function win(game) {
  for (let lives = 1; lives <= 60; lives += 1) {
    const made = (await post(`${game}/api/lives`, { order: crypto.randomUUID() })).json();
    await pay(made.invoice);
    let now = (await get(`${game}/api/lives/${made.id}?wait=25`)).json();
    while (now.game === 'playing') {
      now = (await post(`${game}/api/lives/${made.id}/guess`, { guess: now.card <= 7 ? 'higher' : 'lower' })).json();
    }
    if (now.game === 'won') return { life: made.id, lives };
  }
  throw new Error('60 lives and no win');
}
