/**
 * The stream benchmark (`cargo xtask bench --only stream`): a tab that pays ten times a second for minutes, once within the payee's usual
 * credit and once with a payment of its own for each unit. Figures, no verdict on time; but both ends must agree to the
 * millisatoshi.
 */

import { chromium } from '@playwright/test';
import { CHROMIUM } from '../lib/chromium.mjs';
import { Network } from '../lib/network.mjs';
import { SharedWorkerProbe } from '../lib/worker-probe.mjs';

/** @typedef {import('@playwright/test').Page} Page */

const MINUTES = Number(process.env['AMPLET_BENCH_MINUTES'] ?? 10);
const PER_SECOND = 10;
/** A game's life, say. */
const UNIT_MSAT = 1_000n;

/** @param {string} url @param {string} token @param {string} path @param {object} [body] @returns {Promise<any>} */
async function ask(url, token, path, body) {
  const response = await fetch(url + path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
  return response.json();
}

/** The first gateway's API for sites. @param {Network} network */
async function site(network) {
  /** @type {{ gateways: { adminUrl: string, adminToken: string, url: string }[] }} */
  const { gateways } = await network.info();
  const [gateway] = gateways;
  if (!gateway) throw new Error('the network has no gateway');
  const scopes = ['sessions:create', 'sessions:read'];
  const { token } = await ask(gateway.adminUrl, gateway.adminToken, '/admin/v1/keys', {
    name: 'bench',
    account: 'bench',
    scopes,
  });
  return {
    open: () => ask(gateway.url, token, '/v1/sessions', { expirySecs: 86_400, metadata: {} }),
    /** @param {string} id */
    receivedMsat: async (id) => BigInt((await ask(gateway.url, token, `/v1/sessions/${id}`)).receivedMsat),
  };
}

/** A wallet with a channel to the first gateway. @param {Page} page @param {Network} network */
async function fund(page, network) {
  await page.goto(network.wwwUrl);
  await page.waitForFunction(() => 'amplet' in globalThis);
  const address = await page.evaluate(async () => {
    const { network: name, gateways } = await (await fetch('config.json')).json();
    const wallet = await globalThis.amplet.Wallet.open({
      name: 'bench',
      network: name,
      gateways,
      passphrase: 'a bench',
      create: true,
    });
    globalThis.wallet = wallet;
    return wallet.newAddress();
  });
  await network.fund(address, 3_000_000, 1);
  await balance(page, 'onchainSat');
  await page.evaluate(async () => {
    const { gateways } = await (await fetch('config.json')).json();
    await globalThis.wallet.openChannel({ gateway: gateways[0].address.split('@')[0], capacitySat: 2_000_000n });
  });
  await network.mine(6, { transactions: 1 });
  await balance(page, 'spendableMsat');
}

/** Waits until there is some. @param {Page} page @param {'onchainSat' | 'spendableMsat'} part */
const balance = (page, part) =>
  page.evaluate(async (name) => {
    while ((await globalThis.wallet.balance())[name] === 0n) await new Promise((tick) => setTimeout(tick, 250));
  }, part);

/** Counts the wallet's records in its database, and their bytes. @param {Page} page */
const stored = (page) =>
  page.evaluate(async () => {
    let records = 0;
    let bytes = 0;
    for (const { name = '' } of await indexedDB.databases()) {
      /** @type {IDBDatabase} */
      const database = await new Promise((resolve, reject) => {
        const request = indexedDB.open(name);
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
      for (const store of Array.from(database.objectStoreNames)) {
        /** @type {unknown[]} */
        const values = await new Promise((resolve, reject) => {
          const request = database.transaction(store).objectStore(store).getAll();
          request.onsuccess = () => resolve(request.result);
          request.onerror = () => reject(request.error);
        });
        records += values.length;
        for (const value of values)
          if (value instanceof Uint8Array || value instanceof ArrayBuffer) bytes += value.byteLength;
      }
      database.close();
    }
    const { usage = 0 } = await navigator.storage.estimate();
    return { records, bytes, usage };
  });

/**
 * Pays so many units a second.
 * @param {Page} page
 * @param {SharedWorkerProbe} probe
 * @param {Awaited<ReturnType<typeof site>>} shop
 * @param {string} title
 * @param {bigint} creditMsat
 */
async function run(page, probe, shop, title, creditMsat) {
  const session = await shop.open();
  await page.evaluate(
    async ({ nodeId, id, unitMsat, credit, perSecond }) => {
      const stream = await globalThis.wallet.stream({
        to: { nodeId, session: id },
        unitMsat,
        creditMsat: credit,
        pauseWhenHidden: false,
      });
      const bench = { stream, asked: 0, given: 0, refused: 0, waits: /** @type {number[]} */ ([]), timer: 0 };
      const began = performance.now();
      bench.timer = window.setInterval(() => {
        // As many as are due by now: a timer that is late pays the more.
        const due = Math.floor(((performance.now() - began) / 1000) * perSecond);
        for (; bench.asked < due; bench.asked += 1) {
          const asked = performance.now();
          stream.add(1n).then(
            () => {
              bench.given += 1;
              bench.waits.push(performance.now() - asked);
              if (bench.waits.length > 1_000) bench.waits.shift();
            },
            () => (bench.refused += 1),
          );
        }
      }, 1000 / perSecond);
      globalThis.bench = bench;
    },
    { nodeId: session.nodeId, id: session.id, unitMsat: UNIT_MSAT, credit: creditMsat, perSecond: PER_SECOND },
  );
  console.log(`\n${title}`);
  console.log(
    '  minute   units  payments  wait p50/p99 ms   page heap   engine heap   wasm memory   records      bytes    on disk',
  );
  for (let minute = 0; minute <= MINUTES; minute += 1) {
    if (minute > 0) await page.waitForTimeout(60_000);
    else await page.waitForTimeout(5_000);
    const { given, refused, payments, waits } = await page.evaluate(() => {
      const { bench } = globalThis;
      const sorted = [...bench.waits].sort((a, b) => a - b);
      const at = (/** @type {number} */ share) => Math.round(sorted[Math.floor(share * (sorted.length - 1))] ?? 0);
      return {
        given: bench.given,
        refused: bench.refused,
        payments: Number(bench.stream.state.payments),
        waits: `${at(0.5)}/${at(0.99)}`,
      };
    });
    const [heap, engine, disk] = [await probe.pageHeap(page), await probe.engine(), await stored(page)];
    const kb = (/** @type {number} */ count) => `${Math.round(count / 1024)} kB`.padStart(11);
    console.log(
      `  ${String(minute).padStart(6)}  ${String(given).padStart(6)}  ${String(payments).padStart(8)}  ${waits.padStart(15)} ${kb(heap)}   ${kb(engine.heap)}   ${kb(engine.wasm)}  ${String(disk.records).padStart(8)} ${kb(disk.bytes)} ${kb(disk.usage)}`,
    );
    if (refused > 0) console.log(`          ${refused} units were refused`);
  }
  const end = await page.evaluate(async () => {
    const { bench } = globalThis;
    clearInterval(bench.timer);
    const { payment, unpaidMsat } = await bench.stream.stop();
    return {
      asked: bench.asked,
      given: bench.given,
      paidMsat: payment.amountMsat ?? 0n,
      unpaidMsat,
      feeMsat: payment.feeMsat ?? 0n,
    };
  });
  const receivedMsat = await shop.receivedMsat(session.id);
  console.log(
    `  in all: ${end.given} of ${end.asked} units, ${end.paidMsat} msat paid, ${end.feeMsat} msat of fees, ${receivedMsat} msat received`,
  );
  if (receivedMsat !== end.paidMsat || end.unpaidMsat !== 0n || end.paidMsat !== BigInt(end.given) * UNIT_MSAT) {
    throw new Error(`the ends do not agree: ${end.given} units given, ${end.unpaidMsat} msat owed`);
  }
}

const browser = await chromium.launch(CHROMIUM);
try {
  const network = new Network();
  const context = await browser.newContext({ locale: 'en-GB' });
  const page = await context.newPage();
  await fund(page, network);
  const probe = await SharedWorkerProbe.attach(browser);
  const shop = await site(network);
  await run(
    page,
    probe,
    shop,
    `${PER_SECOND} units a second, credit for 5 s of them`,
    5n * BigInt(PER_SECOND) * UNIT_MSAT,
  );
  await run(page, probe, shop, `${PER_SECOND} units a second, each a payment of its own`, UNIT_MSAT);
} finally {
  await browser.close();
}
