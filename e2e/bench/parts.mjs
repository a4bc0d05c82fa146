/**
 * The benchmark of payments in many parts (`cargo xtask bench --only amp`): from a tab over three gateways to a payee behind three
 * channels, and by the same core natively (`amplet-load parts`). Figures; but each payment must be settled whole, and the one whose
 * way is cut must leave everybody with what they had.
 */

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { chromium } from '@playwright/test';
import { CHROMIUM } from '../lib/chromium.mjs';
import { Network } from '../lib/network.mjs';
import { SharedWorkerProbe } from '../lib/worker-probe.mjs';

/** @typedef {import('@playwright/test').Page} Page */
/** @typedef {{ nodeId: string, address: string, chainUrl: string, adminUrl: string, adminToken: string }} Node */
/**
 * @typedef {Record<'transactions' | 'stored' | 'framesSent' | 'bytesSent' | 'framesReceived' | 'bytesReceived', number>} Counts
 * @typedef {{ parts: number, failed: number, proofMs: number, settledMs: number, feeMsat: number, counts: Counts,
 *   peakBytes: number }} Paid
 */

const PARTS = (process.env['AMPLET_BENCH_PARTS'] ?? '1,10,100,1000').split(',').map(Number);
const PART_MSAT = 1_000_000n;
const CAPACITY_SAT = 2_000_000;
/** HTLCs that a channel takes in one direction (BOLT 2). */
const SLOTS = 483;
/** The gateway's reserve, and some: it cannot be spent. */
const KEPT_SAT = 100_000;

/** @param {Node} node @param {'POST' | 'DELETE' | 'GET'} method @param {string} path @param {object} [body] @returns {Promise<any>} */
async function admin(node, method, path, body) {
  const response = await fetch(node.adminUrl + path, {
    method,
    headers: { authorization: `Bearer ${node.adminToken}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: ${text}`);
  return text === '' ? null : JSON.parse(text);
}

/** An AMP invoice of the payee's. @param {Node} payee @param {number} parts @returns {Promise<string>} */
async function bill(payee, parts) {
  const asked = { amountMsat: String(BigInt(parts) * PART_MSAT), description: 'parts', amp: true };
  return (await admin(payee, 'POST', '/admin/v1/invoices', asked)).invoice;
}

/** What the payee has in channels, in msat. @param {Node} payee */
const received = async (payee) => BigInt((await admin(payee, 'GET', '/admin/v1/info')).lightningMsat);

/** A wallet in the page with a channel from each gateway. @param {Page} page @param {Network} network @param {Node[]} gateways */
async function open(page, network, gateways) {
  await page.goto(network.wwwUrl);
  await page.waitForFunction(() => 'amplet' in globalThis);
  const nodeId = await page.evaluate(async () => {
    const { network: name, gateways: configured } = await (await fetch('config.json')).json();
    globalThis.wallet = await globalThis.amplet.Wallet.open({
      name: 'bench',
      network: name,
      gateways: configured,
      passphrase: 'a bench',
      create: true,
    });
    const connected = async () =>
      (await globalThis.wallet.status()).gateways.every(
        (/** @type {any} */ { connection }) => connection.state === 'connected',
      );
    while (!(await connected())) await new Promise((tick) => setTimeout(tick, 250));
    return (await globalThis.wallet.status()).nodeId;
  });
  for (const gateway of gateways) {
    const pushMsat = String((CAPACITY_SAT - KEPT_SAT) * 1_000);
    await admin(gateway, 'POST', '/admin/v1/channels', { peer: nodeId, capacitySat: CAPACITY_SAT, pushMsat });
  }
  await network.mine(6, { transactions: gateways.length });
  await page.evaluate(
    async (needed) => {
      const { wallet } = globalThis;
      while ((await wallet.balance()).spendableMsat < needed) await new Promise((tick) => setTimeout(tick, 250));
    },
    BigInt(Math.max(...PARTS)) * PART_MSAT,
  );
}

/**
 * Pays from the page.
 * @param {Page} page
 * @param {SharedWorkerProbe} probe
 * @param {string} invoice
 * @param {number} parts
 * @returns {Promise<Paid & { status: string, error: string | null }>}
 */
async function pay(page, probe, invoice, parts) {
  const before = await probe.evaluate('meter');
  const paid = await page.evaluate(
    async ({ invoice: bolt11, parts: count }) => {
      const { wallet } = globalThis;
      const began = performance.now();
      /** @type {any} */
      let payment = null;
      let error = null;
      try {
        payment = await wallet.pay(bolt11, { parts: count });
      } catch (thrown) {
        error = String(thrown);
        payment = (await wallet.history({ pageSize: 1 }).next()).value[0];
        if (payment === undefined) throw thrown;
      }
      const proofMs = performance.now() - began;
      const inFlight = () =>
        payment.state === 'pending' || payment.parts.some((/** @type {any} */ part) => part.state === 'pending');
      while (inFlight()) {
        await new Promise((tick) => setTimeout(tick, 100));
        payment = await wallet.payment(payment.id);
      }
      const inState = (/** @type {string} */ state) =>
        payment.parts.filter((/** @type {any} */ part) => part.state === state).length;
      return {
        status: payment.state,
        error: error ?? payment.error?.message ?? null,
        parts: inState('succeeded'),
        failed: inState('failed'),
        proofMs,
        settledMs: performance.now() - began,
        feeMsat: Number(payment.feeMsat ?? 0n),
      };
    },
    { invoice, parts },
  );
  const after = await probe.evaluate('meter');
  const counts = /** @type {Counts} */ (
    Object.fromEntries(Object.entries(after).map(([name, count]) => [name, count - before[name]]))
  );
  return { ...paid, counts, peakBytes: (await probe.engine()).wasm };
}

/**
 * Pays natively.
 * @param {Network} network
 * @param {Node[]} gateways
 * @param {Node} payee
 * @param {string} folder
 * @returns {Promise<Paid[]>}
 */
async function natively(network, gateways, payee, folder) {
  /** @param {Node} node */
  const access = ({ adminUrl, adminToken }) => ({ adminUrl, adminToken });
  const options = {
    gateways: gateways.map((gateway) => ({
      address: gateway.address,
      chainUrl: gateway.chainUrl,
      admin: access(gateway),
    })),
    payee: access(payee),
    parts: PARTS,
    partMsat: Number(PART_MSAT),
    capacitySat: CAPACITY_SAT,
    database: join(folder, 'wallet.sqlite'),
  };
  const program = process.env['AMPLET_LOAD'] ?? '';
  const child = spawn(program, ['parts', JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.on('close', resolve));
  /** @type {Paid[]} */
  const paid = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const message = JSON.parse(line);
    if (message.mine) await network.mine(message.mine, { transactions: gateways.length });
    if (message.paid) paid.push(message.paid);
  }
  if ((await ended) !== 0) throw new Error('the native wallet failed');
  return paid;
}

/** @param {string} where @param {Paid} paid */
function row(where, { parts, failed, proofMs, settledMs, feeMsat, counts, peakBytes }) {
  const cells = [
    String(parts),
    String(failed),
    String(Math.round(proofMs)),
    String(Math.round(settledMs)),
    (settledMs / parts).toFixed(1),
    String(counts.transactions),
    (counts.stored / 1e6).toFixed(1),
    `${counts.framesSent}/${counts.framesReceived}`,
    `${Math.round(counts.bytesSent / 1e3)}/${Math.round(counts.bytesReceived / 1e3)}`,
    (peakBytes / 1e6).toFixed(0),
    (feeMsat / 1e3).toFixed(0),
  ];
  console.log(`  ${where.padEnd(7)} ${cells.map((cell) => cell.padStart(11)).join('')}`);
}

/** @param {Page} page */
const spendable = (page) => page.evaluate(async () => (await globalThis.wallet.balance()).lightningMsat);

/**
 * The payee's channel with the last gateway closes just before: its parts come back, and there is no room for them elsewhere.
 * @param {Page} page
 * @param {SharedWorkerProbe} probe
 * @param {Node} gateway
 * @param {Node} payee
 */
async function cut(page, probe, gateway, payee) {
  const parts = Math.max(...PARTS);
  const before = [await spendable(page), await received(payee)];
  const invoice = await bill(payee, parts);
  const { channels } = await admin(gateway, 'GET', '/admin/v1/channels');
  const channel = channels.find((/** @type {any} */ { peer }) => peer === payee.nodeId);
  await admin(gateway, 'DELETE', `/admin/v1/channels/${channel.id}`);
  const paid = await pay(page, probe, invoice, parts);
  const after = [await spendable(page), await received(payee)];
  console.log(
    `\n  ${parts} parts, one gateway's way to the payee cut: ${paid.status} after ${Math.round(paid.settledMs / 1e3)} s; ` +
      `${paid.parts} settled, ${paid.failed} came back\n    ${paid.error}`,
  );
  if (paid.status !== 'failed' || paid.parts !== 0) throw new Error('it was not void whole');
  if (before[0] !== after[0]) throw new Error(`the wallet had ${before[0]} msat and has ${after[0]}`);
}

const browser = await chromium.launch(CHROMIUM);
const folder = await mkdtemp(join(tmpdir(), 'amplet-parts-'));
try {
  const network = new Network();
  /** @type {{ gateways: Node[], payee: Node }} */
  const { gateways, payee } = await network.info();
  const context = await browser.newContext({ locale: 'en-GB' });
  const page = await context.newPage();
  await open(page, network, gateways);
  const probe = await SharedWorkerProbe.attach(browser);
  console.log(`\nPayments in parts of ${PART_MSAT / 1000n} sat over ${gateways.length} gateways`);
  const columns = [
    'parts',
    'came back',
    'proof ms',
    'settled ms',
    'ms a part',
    'commits',
    'stored MB',
    'frames o/i',
    'kB out/in',
  ];
  console.log(`          ${[...columns, 'peak MB', 'fee sat'].map((column) => column.padStart(11)).join('')}`);
  const tab = [];
  for (const parts of PARTS) {
    const paid = await pay(page, probe, await bill(payee, parts), parts);
    if (paid.status !== 'succeeded') throw new Error(`${parts} parts: ${paid.status}, ${paid.error}`);
    row('tab', paid);
    tab.push(paid);
  }
  const native = await natively(network, gateways, payee, folder);
  native.forEach((paid) => row('native', paid));
  const ratios = tab.map((paid, index) => (paid.settledMs / (native[index]?.settledMs ?? NaN)).toFixed(1));
  console.log(`  a tab takes ${ratios.join(', ')} times as long`);
  // With fewer there is room for them on the other gateways' channels, and they arrive.
  const last = gateways[gateways.length - 1];
  if (last && Math.max(...PARTS) > (gateways.length - 1) * SLOTS) await cut(page, probe, last, payee);
} finally {
  await browser.close();
  await rm(folder, { recursive: true, force: true });
}
