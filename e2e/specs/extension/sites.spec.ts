/** Sites that speak WebLN: enabled, asked about, paid within their purse. */

import { expect, test, type Page } from '@playwright/test';
import { escape, expectPromptAccessible, fundedBrowser, givePurse, press, promptOf, webln } from '../../lib/extension-wallet';
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

test('the person enables a site, once', async () => {
  expect(await webln(page, 'getInfo')).toMatchObject({ error: 'RejectionError' });
  const refused = webln(page, 'enable');
  const first = await promptOf(browser);
  await expect(first.getByTestId('site')).toHaveAttribute('data-origin', site.origin());
  await expect(first.getByRole('heading', { name: 'Connect this site?' })).toBeVisible();
  await expectPromptAccessible(first, 'Allow', 'enable');
  await escape(first);
  expect(await refused).toMatchObject({ error: 'RejectionError' });

  const allowed = webln(page, 'enable');
  await press(await promptOf(browser), 'Allow');
  await allowed;
  expect(await webln(page, 'isEnabled')).toBe(true);
  expect(await webln<{ node: { pubkey: string } }>(page, 'getInfo')).toMatchObject({ node: { pubkey: expect.stringMatching(/^0[23]/) } });
});

test('without a purse each payment is asked about, and shown whole', async () => {
  const { invoice, paymentHash } = await network.invoice({ amountMsat: 3_000_000n, description: 'Two postcards' });
  const paying = webln<Paid>(page, 'sendPayment', invoice);
  const prompt = await promptOf(browser);
  await expect(prompt.getByTestId('amount')).toHaveAttribute('data-msat', '3000000');
  await expect(prompt.getByTestId('fee')).toBeVisible();
  await expect(prompt.getByText('Two postcards')).toBeVisible();
  await expectPromptAccessible(prompt, 'Pay', 'payment');
  await press(prompt, 'Pay');
  const paid = await paying;
  expect(sha256((paid as Paid).preimage)).toBe(paymentHash);

  const closed = webln<Paid>(page, 'sendPayment', (await network.invoice({ amountMsat: 3_000_000n })).invoice);
  await (await promptOf(browser)).close();
  expect(await closed).toMatchObject({ error: 'RejectionError' });
});

test('within its purse a site is paid without a question, above it the person is asked', async () => {
  await givePurse(browser, page, 2_000, 500);
  const { invoice, paymentHash } = await network.gatewayInvoice(100_000n);
  const paid = await webln<Paid>(page, 'sendPayment', invoice);
  expect(sha256((paid as Paid).preimage)).toBe(paymentHash);

  const dear = webln<Paid>(page, 'sendPayment', (await network.gatewayInvoice(700_000n)).invoice);
  const prompt = await promptOf(browser);
  await expect(prompt.getByTestId('left-after')).toBeVisible();
  await press(prompt, 'Reject');
  expect(await dear).toMatchObject({ error: 'RejectionError' });
});
