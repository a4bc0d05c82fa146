/** The page's benchmark (`cargo xtask bench`): how long a user waits, in headless Chromium on the real engine. Figures, no verdict. */

import { chromium } from '@playwright/test';
import { CHROMIUM } from '../lib/chromium.mjs';
import { print } from './figures.mjs';
import { Network } from '../lib/network.mjs';
import { WalletPage } from '../lib/wallet-page.mjs';

/** @typedef {import('@playwright/test').Page} Page */

const PASSPHRASE = 'a quiet river under the bridge';
const OPENINGS = 10;
const PAYMENTS = 20;

/**
 * Clicks in the page and measures, in the page, until each of the selectors matches: no polling, no driver in between.
 * @param {import('@playwright/test').Locator} button
 * @param {string[]} selectors
 * @returns {Promise<number[]>} ms per selector
 */
function clickUntil(button, selectors) {
  return button.evaluate(
    (element, wanted) =>
      new Promise((resolve, reject) => {
        /** @type {(number | null)[]} */
        const seen = wanted.map(() => null);
        const began = performance.now();
        const look = () => {
          wanted.forEach((selector, index) => {
            if (seen[index] === null && document.querySelector(selector)) seen[index] = performance.now() - began;
          });
          if (seen.every((time) => time !== null)) {
            observer.disconnect();
            resolve(/** @type {number[]} */ (seen));
          }
        };
        const observer = new MutationObserver(look);
        observer.observe(document.documentElement, { subtree: true, childList: true, attributes: true });
        setTimeout(
          () => reject(new Error(`not within 60 s: ${wanted.filter((_, index) => seen[index] === null)}`)),
          60_000,
        );
        /** @type {HTMLElement} */ (element).click();
        look();
      }),
    selectors,
  );
}

/**
 * @param {Page} page
 * @param {Network} network
 */
async function openings(page, network) {
  /** @type {Record<'shown' | 'wrong' | 'home' | 'able', number[]>} */
  const times = { shown: [], wrong: [], home: [], able: [] };
  for (let run = 0; run < OPENINGS; run += 1) {
    await page.goto('about:blank');
    const began = performance.now();
    await page.goto(network.wwwUrl);
    const field = page.getByLabel('Passphrase', { exact: true });
    await field.waitFor();
    times.shown.push(performance.now() - began);
    const unlock = page.getByRole('button', { name: 'Unlock' });
    // A wrong passphrase costs what the key derivation costs, and hardly more.
    await field.fill('not the one');
    times.wrong.push((await clickUntil(unlock, ['[aria-invalid=true]']))[0] ?? NaN);
    await field.fill(PASSPHRASE);
    const [home = NaN, able = NaN] = await clickUntil(unlock, [
      '[data-testid=everyday]',
      '[data-testid=connection][data-able=true]',
    ]);
    times.home.push(home);
    times.able.push(able);
  }
  console.log('\nOpening an existing wallet, gateways up');
  print('page shown (from the first byte asked)', times.shown);
  print('key derivation alone (a wrong passphrase refused)', times.wrong);
  print('tap on Unlock to balances, key derivation included', times.home);
  print('tap on Unlock to able to pay, key derivation included', times.able);
  print(
    'from the key to able to pay',
    times.able.map((time, index) => time - (times.wrong[index] ?? NaN)),
  );
}

/**
 * @param {WalletPage} wallet
 * @param {() => Promise<{ invoice: string }>} bill
 * @param {string} title
 */
async function payments(wallet, bill, title) {
  const { page } = wallet;
  /** @type {Record<'click' | 'engine', number[]>} */
  const times = { click: [], engine: [] };
  const connection = page.getByTestId('connection');
  const commits = async () => Number(await connection.getAttribute('data-commits'));
  const before = await commits();
  for (let run = 0; run < PAYMENTS; run += 1) {
    const { invoice } = await bill();
    await wallet.preview(invoice);
    // It works after half a second undisturbed in front.
    const button = page.getByRole('button', { name: /^Pay /, disabled: false });
    await button.waitFor();
    times.click.push((await clickUntil(button, ['[data-testid=pay-done]']))[0] ?? NaN);
    times.engine.push(Number(await page.getByTestId('duration').getAttribute('data-ms')));
  }
  await page.waitForTimeout(500); // the last payment's change of state
  console.log(`\n${title}`);
  print('click to receipt on the page', times.click);
  print('of that, in the engine (request to proof)', times.engine);
  print(
    'of that, page and messages',
    times.click.map((time, index) => time - (times.engine[index] ?? NaN)),
  );
  console.log(`  storage transactions per payment, this side             ${((await commits()) - before) / PAYMENTS}`);
}

const browser = await chromium.launch(CHROMIUM);
try {
  const network = new Network();
  const context = await browser.newContext({ locale: 'en-GB' });
  const wallet = new WalletPage(await context.newPage(), network.wwwUrl);
  await wallet.load();
  await wallet.create(PASSPHRASE);
  await wallet.connected();
  await network.fund(await wallet.savingsAddress(), 3_000_000, 1);
  await wallet.savingsReach(3_000_000n);
  await wallet.openChannel(2_000_000n);
  await network.mine(6, { transactions: 1 });
  await wallet.channelsReady();
  await openings(wallet.page, network);
  // What the openings left to ride with the next payment is written by itself after a minute: it is no payment's.
  await wallet.page.waitForTimeout(70_000);
  await payments(wallet, () => network.gatewayInvoice(10_000_000n), 'Paying over one hop (the gateway itself)');
  await payments(
    wallet,
    () => network.invoice({ amountMsat: 10_000_000n, description: 'bench' }),
    'Paying over two hops (the third node)',
  );
} finally {
  await browser.close();
}
