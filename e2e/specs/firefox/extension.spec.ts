/** The extension in Firefox: what differs from Chrome is all beneath it, so it is gone through once from end to end. */

import { expect, test, type Page } from '@playwright/test';
import { encodeQR } from 'qr';
import { fund, giveBudget, popupOver, press, promptOf, webln } from '../../lib/extension-wallet';
import { FirefoxBrowser } from '../../lib/firefox';
import { Network } from '../../lib/network.mjs';
import { paywall } from '../../lib/paywall';
import { PASSPHRASE } from '../../lib/places';
import { Site } from '../../lib/site';
import { sha256 } from '../../lib/wallet-page.mjs';

test.describe.configure({ mode: 'serial' });

/** Ms without a call after which Firefox ends a background page; 30 s in people's browsers. */
const IDLE = 15_000;

interface Paid {
  preimage: string;
}

let network: Network;
let browser: FirefoxBrowser;
let site: Site;
let page: Page;

test.beforeAll(async () => {
  network = new Network();
  site = await Site.start();
  browser = await FirefoxBrowser.start(await network.config(), { 'extensions.background.idle.timeout': IDLE });
  await fund(browser, network, 500_000n);
  page = await browser.context.newPage();
  await page.goto(site.origin());
});

test.afterAll(async () => {
  await browser?.close();
  await site?.stop();
});

/** Pays an invoice as the site would, and checks the proof. */
async function pays(amountMsat: bigint, whenAsked?: (prompt: Page) => Promise<void>): Promise<void> {
  const { invoice, paymentHash } = await network.gatewayInvoice(amountMsat);
  const paying = webln<Paid>(page, 'sendPayment', invoice);
  if (whenAsked !== undefined) await whenAsked(await promptOf(browser));
  const paid = await paying;
  expect('preimage' in paid && sha256(paid.preimage), JSON.stringify(paid)).toBe(paymentHash);
}

async function unlock(prompt: Page): Promise<void> {
  await prompt.getByLabel('Passphrase', { exact: true }).fill(PASSPHRASE);
  await prompt.getByRole('button', { name: 'Unlock' }).click();
}

const nobodyAsks = () => expect.poll(() => browser.asking()).toBeUndefined();
const background = () => browser.ask<unknown[]>('runtime.getContexts', { contextTypes: ['BACKGROUND'] });

test('a site is enabled and paid with a click of the user each', async () => {
  const enabling = webln(page, 'enable');
  const first = await promptOf(browser);
  await expect(first.getByTestId('site')).toHaveAttribute('data-origin', site.origin());
  await press(first, 'Allow');
  await enabling;
  await pays(3_000_000n, async (prompt) => {
    await expect(prompt.getByTestId('amount')).toHaveAttribute('data-msat', '3000000');
    await press(prompt, 'Pay');
  });
  await nobodyAsks();

  const refused = webln<Paid>(page, 'sendPayment', (await network.gatewayInvoice(3_000_000n)).invoice);
  await press(await promptOf(browser), 'Reject');
  expect(await refused).toMatchObject({ error: 'RejectionError' });
});

test('within its budget a site is paid without a question, until it is used up', async () => {
  await giveBudget(browser, page, 2_000, 500);
  for (let times = 0; times < 4; times += 1) await pays(400_000n);
  const beyond = webln<Paid>(page, 'sendPayment', (await network.gatewayInvoice(450_000n)).invoice);
  await press(await promptOf(browser), 'Stop'); // it is more than the budget has
  expect(await beyond).toMatchObject({ error: 'RejectionError' });
  await pays(100_000n);
});

test('a page that costs money opens within the budget, and its credential serves again', async () => {
  await page.goto(site.origin('localhost'));
  await giveBudget(browser, page, 1_000, 100);
  const wall = paywall(site, network, '/article', 30_000n);
  const story = page.getByRole('heading', { name: 'The whole story' });
  for (let visits = 0; visits < 3; visits += 1) {
    await page.goto(site.origin()); // so that it comes from another site, and from another process
    await page.goto(`${site.origin('localhost')}/article`).catch(() => undefined); // paid before it was whole
    await expect(story).toBeVisible();
  }
  expect(wall.credentials).toBe(3);
  const popup = await popupOver(browser, page);
  await expect(popup.getByTestId('budget-left'), 'paid once').toHaveAttribute('data-msat', '970000');
  await popup.close();
  await page.goto(site.origin());
});

test('a link to pay opens the wallet', async () => {
  const { invoice } = await network.invoice({ amountMsat: 5_000_000n, description: 'From a link' });
  site.page('/link', `<a href="lightning:${invoice}">Pay with your wallet</a>`);
  await page.goto(`${site.origin()}/link`);
  const opened = browser.context.waitForEvent('page');
  await page.getByRole('link', { name: 'Pay with your wallet' }).click();
  await expect((await opened).getByTestId('preview')).toContainText('From a link');
  await browser.closeAll('options.html');
});

test('a code on the page in front opens the wallet', async () => {
  const { invoice } = await network.invoice({ amountMsat: 6_000_000n, description: 'From a code' });
  site.page('/code', `<div style="width: 400px">${encodeQR(invoice.toUpperCase(), 'svg')}</div>`);
  await page.goto(`${site.origin()}/code`);
  const picture = `data:image/png;base64,${(await page.screenshot()).toString('base64')}`;
  const popup = await popupOver(browser, page);
  // The browser lets the extension see a page once its button is clicked, which is not on any page.
  await popup.evaluate((seen) => ((globalThis as any).chrome.tabs.captureVisibleTab = async () => seen), picture);
  const opened = browser.context.waitForEvent('page');
  await popup.getByRole('button', { name: 'Pay a code on this page' }).click();
  await expect((await opened).getByTestId('preview')).toContainText('From a code');
  await popup.close();
  await browser.closeAll('options.html');
  await page.goto(site.origin());
});

test('unlocked, the wallet lasts while nobody asks anything; when its page dies, the next call brings it back', async () => {
  const before = await browser.born();
  await page.waitForTimeout(2 * IDLE);
  expect(await browser.born(), 'it was there all the time').toBe(before);
  await pays(10_000n);

  await browser.killBackground();
  const { invoice, paymentHash } = await network.gatewayInvoice(10_000n);
  // What was asked as it died got no answer, and is asked again.
  const asks = async () => {
    const paid = await webln<Paid>(page, 'sendPayment', invoice);
    return 'preimage' in paid ? sha256(paid.preimage) : paid.error;
  };
  await expect.poll(asks).toBe(paymentHash);
  expect(await browser.born()).not.toBe(before);
});

test('locked, the background ends; a site that calls wakes it, and the user is asked to unlock', async () => {
  const popup = await popupOver(browser, page);
  await popup.getByRole('button', { name: 'Lock' }).click();
  await expect(popup.getByRole('button', { name: 'Unlock' })).toBeVisible();
  await popup.close();
  await expect.poll(background, { timeout: 4 * IDLE }).toEqual([]);
  await pays(10_000n, unlock);
});

test('the browser ends: the site keeps its budget, the wallet asks for its passphrase once', async () => {
  await browser.restart();
  page = await browser.context.newPage();
  await page.goto(site.origin());
  expect(await webln(page, 'isEnabled'), 'locked, nobody is known').toBe(false);
  const enabled = webln(page, 'enable');
  await unlock(await promptOf(browser));
  await enabled;
  await pays(10_000n);
});

test('kept out of sites by the user, it says so, and is let in again', async () => {
  // Firefox takes what a content script matches for a permission of its own.
  const local = ['http://localhost/*', 'http://*.localhost/*', 'http://127.0.0.1/*'];
  const sites = { origins: ['http://*/*', 'https://*/*', ...local] };
  await browser.ask('permissions.remove', sites);
  await page.reload();
  expect(await page.evaluate(() => 'webln' in window)).toBe(false);
  const popup = await browser.open('popup.html');
  await popup.getByRole('button', { name: 'Allow on all sites' }).click();
  await expect(popup.getByText('Your browser keeps Amplet out of sites')).toBeHidden();
  await popup.close();
  await page.reload();
  await pays(10_000n);
});
