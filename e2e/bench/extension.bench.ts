/** Waiting times of a user, for what a budget pays and for the popup: in headless Chromium, the gateway on loopback. */

import { expect, test, type Page } from '@playwright/test';
import { fundedBrowser, giveBudget } from '../lib/extension-wallet';
import type { ExtensionBrowser } from '../lib/extension';
import { print } from './figures.mjs';
import { Network } from '../lib/network.mjs';
import { paywall } from '../lib/paywall';
import { Site } from '../lib/site';

const PAYMENTS = 25;
const POPUPS = 25;
const PRICE_MSAT = 10_000n;

let network: Network;
let browser: ExtensionBrowser;
let site: Site;

test.beforeAll(async () => {
  network = new Network();
  site = await Site.start();
  browser = await fundedBrowser(network);
});

test.afterAll(async () => {
  await browser?.close();
  await site?.stop();
});

/** A page that sells by WebLN: a click gets an invoice, pays it, gets what it paid for. Times are the page's own. */
const SHOP = `<button>Buy</button><p></p><script>
  document.querySelector('button').onclick = async () => {
    const at = [performance.now()];
    const { invoice } = await (await fetch('/bill', { method: 'POST' })).json();
    at.push(performance.now());
    const { preimage } = await webln.sendPayment(invoice);
    at.push(performance.now());
    document.querySelector('p').textContent = await (await fetch('/goods?proof=' + preimage)).text();
    at.push(performance.now());
    document.body.dataset.at = JSON.stringify(at);
  };
</script>`;

test('click to paid content, WebLN', async () => {
  site.page('/shop', SHOP);
  site.on('/bill', async (_, response) => void response.end(JSON.stringify(await network.gatewayInvoice(PRICE_MSAT))));
  site.on('/goods', (_, response) => void response.end('The goods'));
  const page = await browser.context.newPage();
  await page.goto(`${site.origin()}/shop`);
  await giveBudget(browser, page, 10_000, 1_000);
  await page.bringToFront();
  await page.evaluate(() => (window as unknown as { webln: { enable(): Promise<unknown> } }).webln.enable());
  const times = { all: [] as number[], bill: [] as number[], pay: [] as number[] };
  for (let run = 0; run < PAYMENTS; run += 1) {
    await page.evaluate(() => delete document.body.dataset['at']);
    await page.getByRole('button').click();
    await expect(page.locator('body[data-at]')).toBeAttached();
    const [clicked = 0, billed = 0, paid = 0, shown = 0] = JSON.parse(
      (await page.locator('body').getAttribute('data-at')) ?? '[]',
    ) as number[];
    times.all.push(shown - clicked);
    times.bill.push(billed - clicked);
    times.pay.push(paid - billed);
  }
  console.log('\nPaying a site within its budget, one hop');
  print('click to paid content, webln.sendPayment', times.all);
  print('of that, until the site has made the invoice', times.bill);
  print('of that, sendPayment', times.pay);
  await page.close();
});

/** Times when the page was clicked away from and when the next page's content is there, by the machine's clock. */
const LINK = (to: string) =>
  `<a href="${to}">Read</a><script>onclick = () => (window.name = String(performance.timeOrigin + performance.now()))</script>`;
const STORY =
  '<script>document.documentElement.dataset.took = performance.timeOrigin + performance.now() - Number(window.name)</script>';

test('click to paid content, a page behind 402', async () => {
  const page = await browser.context.newPage();
  const times = { all: [] as number[], bill: [] as number[], pay: [] as number[] };
  const { port } = new URL(site.origin());
  site.page('/', '<h1>A paper</h1>');
  for (let run = 0; run < PAYMENTS; run += 1) {
    // Another origin each time: what was bought at one serves there again.
    const origin = `http://paper-${run}.localhost:${port}`;
    const wall = paywall(site, network, `/story-${run}`, PRICE_MSAT, `<h1>The whole story</h1>${STORY}`);
    site.page(`/front-${run}`, LINK(`/story-${run}`));
    await page.goto(`${origin}/front-${run}`);
    await giveBudget(browser, page, 1_000, 100);
    await page.bringToFront();
    await page.waitForTimeout(1_000); // the popup's end is not measured
    await page.getByRole('link').click();
    await expect(page.getByRole('heading', { name: 'The whole story' })).toBeVisible();
    times.all.push(Number(await page.locator('html').getAttribute('data-took')));
    times.bill.push(wall.times.billed - wall.times.asked);
    times.pay.push(wall.times.redeemed - wall.times.billed);
  }
  console.log('\nOpening a page behind 402 (L402), one hop');
  print('click to paid content', times.all);
  print('of that, until the site has made the invoice', times.bill);
  print('of that, from the bill to the request that is paid', times.pay);
  await page.close();
});

/** Ms from the navigation until the popup's balance is there, as the popup saw it. */
async function shownAfter(popup: Page): Promise<number> {
  await expect(popup.getByTestId('balance')).toBeVisible();
  return popup.evaluate(() => Number(document.documentElement.dataset['shown']));
}

test('the popup', async () => {
  const page = await browser.context.newPage();
  await page.goto(site.origin());
  await browser.context.addInitScript(() => {
    const observer = new MutationObserver(() => {
      if (document.querySelector('[data-testid=balance]') === null) return;
      observer.disconnect();
      // Painted, not only there.
      requestAnimationFrame(() => (document.documentElement.dataset['shown'] = String(performance.now())));
    });
    observer.observe(document, { subtree: true, childList: true });
  });
  // As a tab: what hangs from the button itself, Playwright does not reach.
  const times: number[] = [];
  for (let run = 0; run < POPUPS; run += 1) {
    const popup = await browser.open('popup.html');
    times.push(await shownAfter(popup));
    await popup.close();
  }
  console.log('\nOpening the popup of an unlocked wallet');
  print('popup.html, navigation to its balance painted', times);
});
