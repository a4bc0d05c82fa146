/** A newcomer's way on the real engine: received with nothing, an own limit met and changed, all of it paid out again. */

import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test, type BrowserContext, type Page } from '@playwright/test';
import { Network } from '../../lib/network.mjs';
import { PASSPHRASE } from '../../lib/places';
import { WalletPage } from '../../lib/wallet-page.mjs';

const PICTURES = fileURLToPath(new URL('../../screenshots/newcomer', import.meta.url));

test.describe.configure({ mode: 'serial' });

let network: Network;
let context: BrowserContext;
let page: Page;
let wallet: WalletPage;

/** Pictures of the screen as it stands, as phones and computers show it. */
async function pictured(name: string): Promise<void> {
  mkdirSync(PICTURES, { recursive: true });
  for (const width of [360, 1280])
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.setViewportSize({ width, height: 800 });
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.screenshot({ path: `${PICTURES}/${name}-${width}-${colorScheme}.png`, fullPage: true });
    }
}

test.beforeAll(async ({ browser }) => {
  network = new Network();
  context = await browser.newContext({ locale: 'en-GB' });
  page = await context.newPage();
  wallet = new WalletPage(page, network.wwwUrl);
});

test.afterAll(() => context.close());

test('with nothing at all, one press gets ready to receive, and the money comes', async () => {
  await wallet.load();
  await wallet.create(PASSPHRASE);
  await wallet.connected();
  await pictured('home-new');
  await wallet.go('receive');
  await page.getByLabel('Amount (optional)').fill('50000');
  await expect(page.getByText('costs you nothing')).toBeVisible();
  await pictured('receive-nothing');
  await page.getByRole('button', { name: 'Get ready to receive' }).click();
  const invoice = page.getByTestId('invoice');
  await expect(invoice).toHaveText(/^lnbcrt/);
  await pictured('receive-ready');
  await network.pay(await invoice.innerText());
  await wallet.received();
  await pictured('received');
  expect(await wallet.balance('everyday')).toBe(50_000_000n);
  await pictured('home');
});

test('an own limit refuses before the press, is changed there, and the payment goes through', async () => {
  await wallet.go('budgets');
  await page.getByTestId('budget').first().getByRole('button', { name: 'Change limits' }).click();
  await page.getByRole('dialog').getByLabel('At most').fill('3000');
  await page.getByRole('button', { name: 'Save limits' }).click();
  await expect(page.getByRole('dialog')).toBeHidden();
  const { invoice } = await network.invoice({ amountMsat: 4_000_000n, description: 'More than today' });
  await wallet.preview(invoice);
  await expect(page.locator('[data-code=budgetRefused]')).toContainText('3,000');
  await expect(page.getByRole('button', { name: /^Pay / })).toBeDisabled();
  await pictured('own-limit');
  await page.getByRole('button', { name: 'Change limits' }).click();
  await page.getByRole('dialog').getByLabel('At most').fill('60000');
  await page.getByRole('button', { name: 'Save limits' }).click();
  await page.getByRole('button', { name: /^Pay / }).click();
  await expect(page.getByTestId('pay-done')).toBeVisible();
  await pictured('paid');
});

test('an invoice that is paid leads to its entry', async () => {
  const { invoice } = await network.invoice({ amountMsat: 1_000n, description: 'Twice' });
  await wallet.preview(invoice);
  await page.getByRole('button', { name: /^Pay / }).click();
  await expect(page.getByTestId('pay-done')).toBeVisible();
  await wallet.preview(invoice);
  await page.getByRole('link', { name: 'See the receipt' }).click();
  await expect(page.getByRole('dialog').getByTestId('state')).toHaveText('Completed');
});

test('all of it can be paid', async () => {
  const { invoice } = await network.invoice({ description: 'All' });
  await wallet.preview(invoice);
  await page.getByRole('button', { name: 'All of it' }).click();
  await page.getByRole('button', { name: /^Pay \d/ }).click();
  await expect(page.getByTestId('pay-done')).toBeVisible();
  await pictured('paid-all');
  await wallet.go('home');
  await expect.poll(() => wallet.balance('everyday')).toBeLessThan(5_000_000n);
});
