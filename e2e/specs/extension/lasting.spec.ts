/** Persistence: payments while the service worker dies, budgets and permissions when the browser ends; links and codes on pages. */

import { expect, test, type Page } from '@playwright/test';
import { fundedBrowser, giveBudget, press, promptOf, webln } from '../../lib/extension-wallet';
import { ExtensionBrowser } from '../../lib/extension';
import { hear } from '../../lib/hear';
import { Network } from '../../lib/network.mjs';
import { PASSPHRASE } from '../../lib/places';
import { Site } from '../../lib/site';
import { sha256, WalletPage } from '../../lib/wallet-page.mjs';

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
type Invoice = Awaited<ReturnType<Network['invoice']>>;

async function paysOne(): Promise<void> {
  const { invoice, paymentHash } = await network.gatewayInvoice(10_000n);
  const paid = await webln<Paid>(page, 'sendPayment', invoice);
  expect('preimage' in paid && sha256(paid.preimage), JSON.stringify(paid)).toBe(paymentHash);
}

/** The wallet's history has exactly one line of each, and it was paid. */
async function expectPaidOnce(window: Page, hashes: string[]): Promise<void> {
  await window.evaluate(() => (location.hash = '#/history'));
  for (const hash of hashes)
    await expect(window.locator(`[data-testid=payment][href$="${hash}"]`)).toHaveAttribute('data-state', 'succeeded');
}

test('payments go on while the service worker dies', async () => {
  await giveBudget(browser, page, 2_000, 500);
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

test('the second click of two that were meant for a page pays nothing', async () => {
  const { invoice, paymentHash } = await network.gatewayInvoice(10_000n);
  site.page('/game', `<a href="lightning:${invoice}">Click fast</a>`);
  await page.goto(`${site.origin()}/game`);
  const opened = browser.context.waitForEvent('page');
  await page.getByRole('link', { name: 'Click fast' }).click();
  const wallet = await opened;
  const pay = wallet.getByRole('button', { name: /^Pay / });
  await expect(pay).toBeEnabled(); // the user has had time, and goes back to the page
  await page.bringToFront();
  // The tab is there, with the preview, and comes to the front under the second click: at the very moment in which it does.
  await page.getByRole('link', { name: 'Click fast' }).click();
  await pay.evaluate((button: HTMLButtonElement) => {
    document.dispatchEvent(new Event('visibilitychange')); // Playwright has all tabs seem visible
    button.click();
  });
  await expect(pay).toBeEnabled();
  await expect(wallet.getByTestId('preview'), 'the click did nothing').toBeVisible();
  await wallet.evaluate(() => (location.hash = '#/history'));
  await expect(wallet.getByRole('heading', { name: 'History' })).toBeVisible();
  await expect(wallet.locator(`[data-testid=payment][href$="${paymentHash}"]`)).toHaveCount(0);
  await wallet.close();
});

test('the browser ends: the site keeps its budget, the wallet asks for its passphrase once', async () => {
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

test('two windows at once pay an invoice once', async () => {
  const windows = await Promise.all(['options.html', 'options.html'].map((name) => browser.open(name)));
  const { invoice, paymentHash } = await network.gatewayInvoice(15_000n);
  for (const window of windows) await new WalletPage(window, window.url()).preview(invoice);
  const buttons = windows.map((window) => window.getByRole('button', { name: /^Pay / }));
  for (const button of buttons) await button.waitFor();
  await Promise.all(buttons.map((button) => button.click()));
  for (const window of windows)
    await expect(window.getByTestId('pay-done').or(window.getByTestId('pay-failed'))).toBeVisible();
  for (const window of windows) await expectPaidOnce(window, [paymentHash]);
  for (const window of windows) await window.close();
});

test('an update waits for what is being paid; what it cuts off is paid once', async () => {
  const list: Invoice[] = [];
  while (list.length < 6) list.push(await network.gatewayInvoice(10_000n));
  const payAll = () =>
    page.evaluate(
      async (invoices) => {
        const { webln: provider } = window as unknown as { webln: { sendPayment(text: string): Promise<Paid> } };
        const answers: boolean[] = [];
        for (const invoice of invoices)
          answers.push(
            await provider.sendPayment(invoice).then(
              ({ preimage }) => preimage.length === 64,
              () => false,
            ),
          );
        return answers;
      },
      list.map(({ invoice }) => invoice),
    );
  const popup = await browser.open('popup.html');
  await page.bringToFront();
  const gone = popup.waitForEvent('close');
  const paying = payAll();
  const replaced = browser.context.waitForEvent('serviceworker');
  await hear(browser.context, 'runtime.onUpdateAvailable', { version: '9.9.9' });
  await Promise.all([gone, replaced]);
  await paying;

  await page.reload(); // it gets the new release's scripts
  const enabled = webln(page, 'enable');
  const prompt = await promptOf(browser);
  await prompt.getByLabel('Passphrase', { exact: true }).fill(PASSPHRASE);
  await prompt.getByRole('button', { name: 'Unlock' }).click();
  await enabled;
  expect(await payAll(), 'each of them is paid, or was').toEqual(list.map(() => true));
  const options = await browser.open('options.html');
  await new WalletPage(options, options.url()).atHome();
  await expectPaidOnce(
    options,
    list.map(({ paymentHash }) => paymentHash),
  );
  await options.close();
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

test('no gateway answers: the popup says so, nothing is paid, and it goes on when they are back', async () => {
  const popup = await browser.open('popup.html');
  await popup.getByLabel('Passphrase', { exact: true }).fill(PASSPHRASE);
  await popup.keyboard.press('Enter');
  await expect(popup.getByTestId('balance')).toBeVisible();
  const { invoice } = await network.gatewayInvoice(10_000n);
  await Promise.all([network.node('0', 'stop'), network.node('1', 'stop')]);
  await expect(popup.locator('[data-code]')).toBeVisible();
  expect(await webln(page, 'sendPayment', invoice)).toMatchObject({ error: expect.stringMatching(/Error$/) });
  await Promise.all([network.node('0', 'start'), network.node('1', 'start')]);
  await expect(popup.locator('[data-code]')).toBeHidden();
  await expect(paysOne).toPass({ timeout: 180_000 }); // one of them may be back before the one that has the channel
  await popup.close();
});

test('the same words in another profile are another node, and neither disturbs the other', async () => {
  const options = await browser.open('options.html#/settings');
  await options.getByRole('button', { name: 'Show the words' }).click();
  await options.getByRole('dialog').getByLabel('Passphrase', { exact: true }).fill(PASSPHRASE);
  await options.keyboard.press('Enter');
  await expect(options.getByTestId('words')).toBeVisible(); // the key is derived first
  const words = (await options.getByTestId('words').locator('b').allInnerTexts()).join(' ');
  await options.close();

  const other = await ExtensionBrowser.start(await network.config());
  try {
    const window = await other.open('options.html');
    const wallet = new WalletPage(window, window.url());
    await wallet.restore(words, PASSPHRASE);
    await wallet.connected();
    const visitor = await other.context.newPage();
    await visitor.goto(site.origin());
    const enabled = webln(visitor, 'enable');
    await press(await promptOf(other), 'Allow');
    await enabled;
    type Info = { node: { pubkey: string } };
    const [here, there] = (await Promise.all([webln<Info>(page, 'getInfo'), webln<Info>(visitor, 'getInfo')])) as [
      Info,
      Info,
    ];
    expect(there.node.pubkey).not.toBe(here.node.pubkey);
    await paysOne();
    await wallet.connected();
  } finally {
    await other.close();
  }
  await paysOne();
});
