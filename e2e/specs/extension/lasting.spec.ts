/** What lasts: payments while the service worker dies, purses and permissions when the browser ends; links and codes on pages. */

import { expect, test, type Page } from '@playwright/test';
import { fundedBrowser, givePurse, PASSPHRASE, press, promptOf, webln } from '../../lib/extension-wallet';
import type { ExtensionBrowser } from '../../lib/extension';
import { Network } from '../../lib/network.mjs';
import { Site } from '../../lib/site';
import { sha256 } from '../../lib/wallet-page.mjs';

test.describe.configure({ mode: 'serial' });

let network: Network;
let browser: ExtensionBrowser;
let site: Site;
let page: Page;

test.beforeAll(async () => {
  network = new Network();
  site = await Site.start();
  browser = await fundedBrowser(network);
  page = await browser.context.newPage();
  await page.goto(site.origin());
});

test.afterAll(async () => {
  await browser?.close();
  await site?.stop();
});

interface Paid {
  preimage: string;
}

async function paysOne(): Promise<void> {
  const { invoice, paymentHash } = await network.gatewayInvoice(10_000n);
  const paid = await webln<Paid>(page, 'sendPayment', invoice);
  expect('preimage' in paid && sha256(paid.preimage), JSON.stringify(paid)).toBe(paymentHash);
}

test('payments go on while the service worker dies', async () => {
  await givePurse(browser, page, 2_000, 500);
  const own = await browser.open('popup.html');
  await page.bringToFront();
  for (let times = 0; times < 3; times += 1) {
    const paying = paysOne();
    await browser.killServiceWorker(own);
    await paying;
  }
  // With nobody to open a window, the question still comes: it wakes the worker.
  await browser.killServiceWorker(own);
  const asked = webln<Paid>(page, 'sendPayment', (await network.gatewayInvoice(900_000n)).invoice);
  const prompt = await promptOf(browser);
  await browser.killServiceWorker(own);
  await press(prompt, 'Pay');
  expect(await asked).toHaveProperty('preimage');
  await own.close();
});

test('a link to pay and the wallet that it opens', async () => {
  const { invoice } = await network.invoice({ amountMsat: 5_000_000n, description: 'From a link' });
  site.page('/link', `<a href="lightning:${invoice}">Pay with your wallet</a>`);
  await page.goto(`${site.origin()}/link`);
  const opened = browser.context.waitForEvent('page');
  await page.getByRole('link', { name: 'Pay with your wallet' }).click();
  const wallet = await opened;
  await expect(wallet.getByTestId('preview')).toContainText('From a link');
  await wallet.close();
  // What a script clicks is no click.
  await page.evaluate(() => document.querySelector('a')?.addEventListener('click', (event) => event.preventDefault()));
  await page.evaluate(() => document.querySelector('a')?.click());
  await paysOne();
  expect(browser.context.pages().some((open) => open.url().includes('options.html'))).toBe(false);
});

test('the browser ends: the site keeps its purse, the wallet asks for its passphrase once', async () => {
  await browser.restart();
  page = await browser.context.newPage();
  await page.goto(site.origin());
  expect(await webln(page, 'isEnabled'), 'locked, it says what it knows').toBe(false);
  const { invoice, paymentHash } = await network.gatewayInvoice(10_000n);
  const paying = webln<Paid>(page, 'enable').then(() => webln<Paid>(page, 'sendPayment', invoice));
  const prompt = await promptOf(browser);
  await expect(prompt.getByTestId('site')).toHaveAttribute('data-origin', site.origin());
  await prompt.getByLabel('Passphrase', { exact: true }).fill(PASSPHRASE);
  await prompt.getByRole('button', { name: 'Unlock' }).click();
  const paid = await paying;
  expect('preimage' in paid && sha256(paid.preimage), JSON.stringify(paid)).toBe(paymentHash);
  await paysOne();
});

test('locked in one window it is locked in all', async () => {
  const popup = await browser.open('popup.html');
  await popup.getByRole('button', { name: 'Lock' }).click();
  await expect(popup.getByRole('button', { name: 'Unlock' })).toBeVisible();
  await popup.reload();
  await expect(popup.getByRole('button', { name: 'Unlock' })).toBeVisible();
  const refused = webln<Paid>(page, 'sendPayment', (await network.gatewayInvoice(10_000n)).invoice);
  await (await promptOf(browser)).close();
  expect(await refused).toMatchObject({ error: expect.stringMatching(/ConnectionError|RejectionError/) });
  await popup.close();
});
