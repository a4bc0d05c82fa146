/** Pages that cost money (HTTP 402) where something is wrong; examples.spec.ts has one as it should be. */

import { expect, test, type Page } from '@playwright/test';
import { expectAccessible } from '../../lib/axe';
import { fundedBrowser, giveBudget, popupOver, press, promptOf } from '../../lib/extension-wallet';
import type { ExtensionBrowser } from '../../lib/extension';
import { Network } from '../../lib/network.mjs';
import { paywall } from '../../lib/paywall';
import { Site } from '../../lib/site';

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
});

test.afterAll(async () => {
  await browser?.close();
  await site?.stop();
});

const story = (of: Page) => of.getByRole('heading', { name: 'The whole story' });

test('refused, the page stays as it is', async () => {
  const wall = paywall(site, network, '/refused', 20_000n);
  // Another origin, so that no credential fits.
  await page.goto(`${site.origin('localhost')}/refused`);
  await press(await promptOf(browser), 'Reject');
  await expect(page.getByRole('heading', { name: 'This costs money' })).toBeVisible();
  expect(wall).toMatchObject({ invoices: 1, credentials: 0 });
});

test('parts of a page and what scripts fetch are never paid', async () => {
  const wall = paywall(site, network, '/part', 20_000n);
  site.page('/parts', '<img src="/part" alt=""><iframe src="/part" title="frame"></iframe><h1>Parts</h1>');
  await page.goto(`${site.origin('localhost')}/parts`);
  await expect(page.getByRole('heading', { name: 'Parts' })).toBeVisible();
  expect(await page.evaluate(async () => (await fetch('/part')).status)).toBe(402);
  // What follows would be asked after anything that this page had caused.
  paywall(site, network, '/after', 20_000n);
  await page.goto(`${site.origin('localhost')}/after`);
  const prompt = await promptOf(browser);
  await expect(prompt.getByText('/after')).toBeVisible();
  await expect(prompt.getByTestId('waiting')).toHaveCount(0);
  await press(prompt, 'Reject');
  expect(wall.credentials).toBe(0);
});

test('within a budget a page opens by itself; a higher price is a new question', async () => {
  site.page('/', '<h1>A shop</h1>');
  await page.goto(site.origin('localhost'));
  await giveBudget(browser, page, 1_000, 100);
  const wall = paywall(site, network, '/cheap', 30_000n);
  await page.goto(`${site.origin('localhost')}/cheap`);
  await expect(story(page)).toBeVisible();
  expect(wall.invoices).toBe(1);

  const dear = paywall(site, network, '/dear', 30_000n);
  dear.deliver = 'again'; // takes no credential
  dear.price = 900_000n;
  await page.goto(`${site.origin('localhost')}/dear`);
  const prompt = await promptOf(browser);
  await expect(prompt.getByTestId('amount')).toHaveAttribute('data-msat', '900000');
  await press(prompt, 'Reject');
});

test('another site that opens paid pages is asked about, and spends nothing of the budget', async () => {
  const news = await Site.start(); // of which nothing was bought that would open more
  try {
    const wall = paywall(news, network, '/opened', 30_000n);
    await page.goto(news.origin('localhost'));
    await giveBudget(browser, page, 1_000, 100);
    site.page('/opener', `<a href="${news.origin('localhost')}/opened">News</a>`);
    await page.goto(`${site.origin()}/opener`);
    await page.getByRole('link', { name: 'News' }).click();
    const prompt = await promptOf(browser);
    await expect(prompt.getByTestId('amount')).toHaveAttribute('data-msat', '30000');
    await press(prompt, 'Reject');
    expect(wall).toMatchObject({ invoices: 1, credentials: 0 });
    // In another window, without a click on what is paid.
    await page.goto(`${site.origin()}/opener`);
    const [opened] = await Promise.all([
      browser.context.waitForEvent('page'),
      page.evaluate((url) => void window.open(url), `${news.origin('localhost')}/opened`),
    ]);
    await press(await promptOf(browser), 'Reject');
    expect(wall).toMatchObject({ invoices: 2, credentials: 0 });
    await opened.close();
    // By the site itself it is paid as before.
    await page.goto(news.origin('localhost'));
    await page.evaluate(() => (location.href = '/opened'));
    await expect(story(page)).toBeVisible();
  } finally {
    await news.stop();
  }
});

test('a question ends with its page: the tab goes elsewhere, back, or away', async () => {
  const wall = paywall(site, network, '/left', 20_000n);
  site.page('/plain', '<h1>Plain</h1>');
  const asks = async (): Promise<Page> => {
    const tab = await browser.context.newPage();
    await tab.goto(`${site.origin()}/plain`);
    await tab.goto(`${site.origin()}/left`);
    await expect((await promptOf(browser)).getByText('/left')).toBeVisible();
    return tab;
  };
  const isAsked = async (): Promise<boolean> => (await browser.asking()) !== undefined;
  for (const leave of [
    (tab: Page) => tab.goto(`${site.origin()}/plain`),
    (tab: Page) => tab.goBack(),
    (tab: Page) => tab.goto('about:blank'),
    (tab: Page) => tab.close(),
  ]) {
    const tab = await asks();
    await leave(tab);
    await expect.poll(isAsked).toBe(false);
    await tab.close();
  }
  expect(wall.credentials).toBe(0);
});

test('a page that leads elsewhere takes no credential along', async () => {
  const elsewhere: (string | undefined)[] = [];
  const other = await Site.start();
  try {
    other.on('/led', (request, response) => {
      elsewhere.push(request.headers.authorization);
      response
        .writeHead(200, { 'content-type': 'text/html' })
        .end('<!doctype html><title>Elsewhere</title><h1>Elsewhere</h1>');
    });
    const wall = paywall(site, network, '/leads', 20_000n);
    wall.leadsTo = `${other.origin('localhost')}/led`;
    await page.goto(`${site.origin('localhost')}/leads`);
    await expect(page.getByRole('heading', { name: 'Elsewhere' })).toBeVisible();
    expect(wall.credentials).toBeGreaterThan(0);
    expect(elsewhere).toEqual([undefined]);
  } finally {
    await other.stop();
  }
});

for (const deliver of ['nothing', 'silence'] as const) {
  test(`a server that takes the money and delivers ${deliver} is shown with the proof, and asked about from then on`, async () => {
    const bad = await Site.start();
    try {
      await page.goto(bad.origin());
      await giveBudget(browser, page, 1_000, 500);
      const wall = paywall(bad, network, '/story', 25_000n);
      wall.deliver = deliver;
      await page.goto(`${bad.origin()}/story`);
      await expect.poll(() => wall.credentials).toBe(1);
      await expect(page.getByRole('heading', { name: 'This costs money' })).toHaveCount(0);
      await page.waitForLoadState('load');
      const popup = await popupOver(browser, page);
      await expect(async () => {
        await popup.reload();
        await expect(popup.getByTestId('receipts').getByText(`${bad.origin()}/story`)).toBeVisible({ timeout: 2_000 });
      }).toPass();
      await expectAccessible(popup, 'popup over a site that did not deliver');
      await popup.close();
      const again = paywall(bad, network, '/again', 25_000n);
      again.deliver = 'again';
      await page.goto(`${bad.origin()}/again`);
      const prompt = await promptOf(browser);
      await expect(prompt.getByTestId('amount')).toHaveAttribute('data-msat', '25000');
      await press(prompt, 'Reject');
      expect(again.invoices, 'no loop').toBeLessThanOrEqual(3);
    } finally {
      await bad.stop();
    }
  });
}
