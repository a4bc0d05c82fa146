/** A wallet without money: whatever a site asks by, the wallet says so in a window of its own, and then the site hears of it. */

import { expect, test, type Page } from '@playwright/test';
import { ExtensionBrowser } from '../../lib/extension';
import { giveBudget, press, promptOf, speak, webln } from '../../lib/extension-wallet';
import { expectFine, PROMPT } from '../../lib/looks';
import { nobodysInvoice } from '../../lib/invoices';
import { PASSPHRASE } from '../../lib/places';
import { ALONE } from '../../lib/serve';
import { Site } from '../../lib/site';
import { WalletPage } from '../../lib/wallet-page.mjs';

test.describe.configure({ mode: 'serial' });
test.use({ actionTimeout: 60_000 });

/** Anybody's node. */
const nodeId = '0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798';
const TOLD = { error: 'RoutingError', code: 'insufficientBalance' };
const WORDS = {
  en: { title: 'Not enough money', text: 'You have 0 sat, this costs 21 sat.', add: 'Add money', close: 'Close' },
  de: {
    title: 'Nicht genug Geld',
    text: 'Du hast 0 sat, dies kostet 21 sat.',
    add: 'Geld hinzufügen',
    close: 'Schließen',
  },
} as const;

let browser: ExtensionBrowser;
let site: Site;
let page: Page;

test.beforeAll(async () => {
  site = await Site.start();
  browser = await ExtensionBrowser.start(JSON.parse(ALONE));
  const tab = await browser.open('options.html');
  const wallet = new WalletPage(tab, tab.url());
  await wallet.create(PASSPHRASE);
  // Its key is kept for the other windows once it is derived.
  const popup = await browser.open('popup.html');
  await expect(popup.getByTestId('balance')).toHaveAttribute('data-msat', '0');
  await popup.close();
  await tab.close();
  page = await browser.context.newPage();
  await page.goto(site.origin());
  const enabling = webln(page, 'enable');
  await press(await promptOf(browser), 'Allow');
  await enabling;
});

test.afterAll(async () => {
  await browser?.close();
  await site?.stop();
});

/** The window, which names the site and both figures. */
async function shown(amountMsat: bigint, language: 'en' | 'de' = 'en'): Promise<Page> {
  const prompt = await promptOf(browser);
  await expect(prompt.getByRole('heading', { name: WORDS[language].title })).toBeVisible();
  await expect(prompt.getByTestId('amount')).toHaveAttribute('data-msat', String(amountMsat));
  await expect(prompt.getByTestId('lack')).toBeVisible();
  return prompt;
}

/** Closes the window; whoever asked hears of it then, and not before. */
async function refused(asking: Promise<unknown>, amountMsat: bigint): Promise<void> {
  let heard = false;
  void asking.finally(() => (heard = true)).catch(() => undefined);
  const prompt = await shown(amountMsat);
  expect(heard, 'not before the user has seen it').toBe(false);
  await prompt.waitForTimeout(300);
  expect(heard).toBe(false);
  await press(prompt, 'Close');
}

test('a payment: the window says what there is and what it costs, in both languages', async () => {
  const invoice = nobodysInvoice(21_000n, 'Coffee');
  for (const language of ['de', 'en'] as const) {
    await speak(browser, language);
    await page.bringToFront();
    const paying = webln(page, 'sendPayment', invoice);
    const prompt = await shown(21_000n, language);
    await expect(prompt.getByText(WORDS[language].text)).toBeVisible();
    await expect(prompt.getByRole('button', { name: WORDS[language].add })).toBeVisible();
    await expectFine(prompt, `approve-notEnough-${language}`, PROMPT);
    await press(prompt, WORDS[language].close);
    expect(await paying).toMatchObject(TOLD);
  }
});

test('“Add money” leads to where it comes from', async () => {
  const invoice = nobodysInvoice(21_000n, 'Coffee');
  await page.bringToFront();
  const paying = webln(page, 'sendPayment', invoice);
  const prompt = await shown(21_000n);
  const opened = browser.context.waitForEvent('page');
  await press(prompt, 'Add money');
  const wallet = await opened;
  await expect(wallet.getByRole('heading', { name: 'Receive', level: 1 })).toBeVisible();
  await wallet.close();
  expect(await paying).toMatchObject(TOLD);
});

test('keysend and a stream, within a budget too', async () => {
  await page.bringToFront();
  await giveBudget(browser, page, 2_000, 500);
  await page.bringToFront();
  const sending = webln(page, 'keysend', { destination: nodeId, amount: '7' });
  await refused(sending, 7_000n);
  expect(await sending).toMatchObject(TOLD);
  const price = { ratePerSecondMsat: '1000', perUnitMsat: '0', creditMsat: '5000' };
  const streaming = webln(page, 'request', 'stream.start', { nodeId, sessionId: 'film', ...price });
  await refused(streaming, 5_000n);
  expect(await streaming).toMatchObject(TOLD);
});

test('a page that costs money stays as it is', async () => {
  site.on('/article', (_, response) => {
    const offer = `L402 version="0", token="${Buffer.from('token').toString('base64')}"`;
    const challenge = `${offer}, invoice="${nobodysInvoice(5_000n, 'The article')}"`;
    response.writeHead(402, { 'content-type': 'text/html', 'www-authenticate': challenge });
    response.end('<!doctype html><title>402</title><h1>This costs money</h1>');
  });
  await page.goto(`${site.origin()}/article`);
  await press(await shown(5_000n), 'Close');
  await expect(page.getByRole('heading', { name: 'This costs money' })).toBeVisible();
});
