/**
 * One wallet's life on the real engine and a real regtest network: made, funded, paying a shop two hops away, paid
 * back; reloaded between every two steps; two tabs; gateways that die; what is refused; offline.
 */

import { expect, test, type BrowserContext, type Page } from '@playwright/test';
import { expectAccessible } from '../../lib/axe';
import { Network } from '../../lib/network.mjs';
import { toNetwork } from '../../lib/other-network';
import { PASSPHRASE } from '../../lib/places';
import { spoilEngine } from '../../lib/trap';
import { WalletPage } from '../../lib/wallet-page.mjs';

const SAVINGS = 2_000_000n;
const CHANNEL = 1_000_000n;

test.describe.configure({ mode: 'serial' });

let network: Network;
let context: BrowserContext;
let page: Page;
let wallet: WalletPage;
let words = '';

test.beforeAll(async ({ browser }) => {
  network = new Network();
  context = await browser.newContext({ locale: 'en-GB', permissions: ['clipboard-read', 'clipboard-write'] });
  page = await context.newPage();
  page.on('console', (message) => {
    if (message.type() === 'error') console.log('page:', message.text());
  });
  page.on('pageerror', (error) => console.log('page:', error.message));
  wallet = new WalletPage(page, network.wwwUrl);
});

test.afterAll(() => context.close());

test('creates a wallet whose words were checked', async () => {
  await wallet.load();
  await expectAccessible(page, 'welcome');
  words = await wallet.create(PASSPHRASE);
  await expect(page.getByTestId('network')).toContainText('Regtest');
  await wallet.connected();
  await expectAccessible(page, 'home of a new wallet');
  await wallet.reload(PASSPHRASE);
});

test('refuses a wrong passphrase and says so', async () => {
  await page.getByRole('button', { name: 'Lock', exact: true }).click();
  await page.getByLabel('Passphrase', { exact: true }).fill('not the one');
  await page.getByRole('button', { name: 'Unlock' }).click();
  await expect(page.getByText(/does not open the wallet/)).toBeVisible();
  await wallet.unlock(PASSPHRASE);
  await wallet.connected();
});

test('shows a deposit unconfirmed, then as savings', async () => {
  const address = await wallet.savingsAddress();
  await network.fund(address, Number(SAVINGS));
  await wallet.pendingReach(SAVINGS);
  await wallet.savingsReach(0n);
  await network.mine(1);
  await wallet.savingsReach(SAVINGS);
  await wallet.pendingReach(0n);
  // Its details count on with each block, as long as they are looked at.
  await wallet.go('history');
  await page.getByTestId('payment').filter({ hasText: 'Deposit' }).click();
  await expect(page.getByTestId('confirmations')).toHaveText('1');
  await network.mine(2);
  await expect(page.getByTestId('confirmations')).toHaveText('3');
  await wallet.reload(PASSPHRASE);
  await wallet.savingsReach(SAVINGS);
});

test('explains the reserve, shows the cost, opens a channel and its confirmations', async () => {
  await wallet.go('channels/open');
  await expect(page.getByText('Keep something in savings for emergencies')).toBeVisible();
  await wallet.openChannel(CHANNEL);
  await expect(page.getByTestId('channel')).toHaveAttribute('data-state', /negotiating|confirming|ready/);
  await network.mine(1, { transactions: 1 });
  await wallet.reload(PASSPHRASE);
  await network.mine(5);
  await wallet.channelsReady();
  await expectAccessible(page, 'channels');
});

test('pays an invoice of a node two hops away, with proof', async () => {
  const invoice = await network.invoice({ amountMsat: 25_000_000n, description: 'Two coffees' });
  const before = await wallet.balance('everyday');
  await wallet.preview(invoice.invoice);
  await expect(page.getByTestId('preview')).toContainText('Two coffees');
  await expect(page.getByTestId('amount')).toContainText('25,000');
  await expectAccessible(page, 'preview');
  const receipt = await wallet.pay(invoice.invoice);
  expect(receipt.hash).toBe(invoice.paymentHash);
  expect(receipt.hops).toBe(2);
  expect(receipt.feeMsat > 0n).toBe(true);
  await wallet.everydayUntil((after) => before - after === 25_000_000n + receipt.feeMsat);
  await wallet.reload(PASSPHRASE);
  await wallet.go('history');
  await expect(page.getByTestId('payment').first()).toContainText('Two coffees');
  await expect(page.getByTestId('payment').first()).toHaveAttribute('data-state', 'succeeded');
});

test('gets paid back, live', async () => {
  const before = await wallet.balance('everyday');
  const invoice = await wallet.createInvoice(12_500n, 'Cinema tickets');
  await network.pay(invoice);
  await wallet.received();
  await wallet.everydayUntil((after) => after - before === 12_500_000n);
  await wallet.reload(PASSPHRASE);
});

test('pays an amount that the user chooses', async () => {
  const invoice = await network.invoice({ description: 'A gift' });
  await wallet.preview(invoice.invoice);
  await page.getByLabel('Amount (you choose)').fill('900000000');
  await expect(page.getByText(/More than you can pay now/)).toBeVisible();
  await expect(page.getByRole('button', { name: /^Pay / })).toBeDisabled();
  await page.getByLabel('Amount (you choose)').fill('1,234');
  await page.getByRole('button', { name: 'Pay 1,234' }).click();
  await expect(page.getByTestId('pay-done')).toContainText('1,234');
});

test('pays an AMP invoice as often as wanted, each time with a receipt of its own', async () => {
  const { invoice } = await network.invoice({ amountMsat: 4_321_000n, description: 'By AMP', amp: true });
  for (let time = 0; time < 2; time += 1) {
    await wallet.preview(invoice);
    await expect(page.getByTestId('preview')).toContainText('By AMP');
    await page.getByRole('button', { name: /^Pay / }).click();
    await expect(page.getByTestId('pay-done')).toContainText('4,321');
  }
  await wallet.reload(PASSPHRASE);
  await wallet.go('history');
  const paid = page.getByTestId('payment').filter({ hasText: 'By AMP' });
  await expect(paid).toHaveCount(2);
  await expect(paid.first()).toHaveAttribute('data-state', 'succeeded');
});

test('reads an invoice from a picture', async () => {
  const invoice = await wallet.createInvoice(777n, 'From a picture');
  const code = await page.getByRole('img', { name: 'QR code of the invoice' }).screenshot();
  await wallet.go('pay');
  await page.getByRole('button', { name: 'Scan' }).click();
  await page.getByLabel('Or read a picture').setInputFiles({ name: 'code.png', mimeType: 'image/png', buffer: code });
  await expect(page.getByTestId('preview').or(page.getByRole('alert'))).toBeVisible();
  await expect(page.getByText('From a picture')).toBeVisible();
  expect(invoice).toContain('lnbcrt');
});

test('refuses garbage, other networks, what expired and what is too much', async () => {
  const refused = async (text: string, code: string) => {
    await wallet.preview(text);
    await expect(page.locator(`[data-code=${code}]`)).toBeVisible();
  };
  await refused('hello there', 'invalidPaymentRequest');
  await refused('lnbcrt1notaninvoice', 'invalidPaymentRequest');
  const invoice = await network.invoice({ amountMsat: 1_000_000n, description: 'somewhere else' });
  await refused(toNetwork(invoice.invoice, 'lnbc'), 'wrongNetwork');
  await refused('bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq', 'wrongNetwork');
  const short = await network.invoice({ amountMsat: 1_000_000n, description: 'short', expirySecs: 1 });
  await new Promise((resolve) => setTimeout(resolve, 2500));
  await refused(short.invoice, 'expired');
  await expect(page.getByRole('button', { name: /^Pay / })).toBeDisabled();
  const much = await network.invoice({ amountMsat: 5_000_000_000n, description: 'much' });
  await refused(much.invoice, 'insufficientBalance');
  await expect(page.getByRole('button', { name: /^Pay / })).toBeDisabled();
});

test('shows one wallet in two tabs; the first may go', async () => {
  const second = await context.newPage();
  const other = new WalletPage(second, network.wwwUrl);
  await other.load();
  await other.unlock(PASSPHRASE);
  await other.connected();
  const before = await other.balance('everyday');
  expect(await wallet.balance('everyday')).toBe(before);
  const invoice = await network.invoice({ amountMsat: 2_000_000n, description: 'from the first tab' });
  const receipt = await wallet.pay(invoice.invoice);
  await other.everydayUntil((after) => before - after === 2_000_000n + receipt.feeMsat);
  await page.close();
  const next = await network.invoice({ amountMsat: 3_000_000n, description: 'the first tab is gone' });
  await other.pay(next.invoice);
  page = second;
  wallet = other;
});

test('a payment cut off by a reload ends, and the history says how', async () => {
  const invoice = await network.invoice({ amountMsat: 1_500_000n, description: 'cut off' });
  await wallet.preview(invoice.invoice);
  await page.getByRole('button', { name: /^Pay / }).click();
  await wallet.reload(PASSPHRASE);
  await wallet.preview(invoice.invoice);
  await expect(page.getByTestId('preview')).toBeVisible();
  const begun = page.locator('[data-code=alreadyPaid]').or(page.getByText('You paid this'));
  if (await begun.isVisible()) {
    await wallet.go('history');
    const line = page.getByTestId('payment').filter({ hasText: 'cut off' });
    await expect(line).toHaveAttribute('data-state', /succeeded|failed/);
  } else {
    // The reload came before the engine heard of it, or the payment failed: no funds were sent, and paying works.
    await wallet.pay(invoice.invoice);
  }
});

test('an engine that traps ends cleanly, and a fresh one goes on from what was saved', async ({ browser }) => {
  const before = await wallet.balance('everyday');
  const lost = await network.invoice({ amountMsat: 1_000_000n, description: 'into the trap' });
  await spoilEngine(browser);
  await wallet.preview(lost.invoice);
  await expect(page.locator('[data-code=walletCrashed]')).toBeVisible();
  await wallet.unlock(PASSPHRASE);
  await wallet.connected();
  await wallet.channelsReady();
  await wallet.go('home');
  expect(await wallet.balance('everyday')).toBe(before);
  const receipt = await wallet.pay(lost.invoice);
  await wallet.everydayUntil((after) => before - after === 1_000_000n + receipt.feeMsat);
});

test('says that the gateways are away, and goes on when they are back', async () => {
  await network.node('0', 'kill');
  await network.node('1', 'kill');
  await wallet.connected('down');
  await wallet.go('home');
  await expect(page.locator('[data-code=gatewayOffline]')).toBeVisible();
  const invoice = await network.invoice({ amountMsat: 1_000_000n, description: 'while away' });
  await wallet.preview(invoice.invoice);
  await expect(page.locator('[data-code]').first()).toBeVisible();
  await wallet.go('home');
  await page.reload();
  await wallet.unlock(PASSPHRASE);
  await network.node('0', 'start');
  await network.node('1', 'start');
  await wallet.connected();
  await wallet.channelsReady();
  await wallet.pay(invoice.invoice);
});

test('asks a gateway for a channel and shows what is trusted', async () => {
  await wallet.go('channels/request');
  const choice = page.getByLabel('Gateway', { exact: true });
  await choice.selectOption({ index: 1 });
  await page.getByLabel('Amount', { exact: true }).fill('500000');
  await page.getByRole('dialog').getByRole('button', { name: 'Receive more', exact: true }).click();
  // Usable at once, on the gateway's word, and the page says so until it is confirmed.
  await wallet.channelsReady(2);
  await expect(page.getByText(/Used before confirmation/)).toBeVisible();
  await network.mine(6, { transactions: 1 });
  await expect(page.getByText(/Used before confirmation/)).toHaveCount(0);
});

test('sends savings after showing the fee', async () => {
  const before = await wallet.balance('savings');
  await wallet.preview('bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080');
  await page.getByLabel('Amount', { exact: true }).fill('50000');
  await page.getByRole('button', { name: 'Preview the cost' }).click();
  await expect(page.getByTestId('fee')).toBeVisible();
  await page.getByRole('button', { name: /^Send / }).click();
  await expect(page.getByTestId('send-done')).toBeVisible();
  await network.mine(1, { transactions: 1 });
  await wallet.go('home');
  await expect.poll(async () => before - (await wallet.balance('savings')) > 50_000n).toBe(true);
});

test('closes a channel together with its gateway', async () => {
  await wallet.go('channels');
  await page.getByRole('button', { name: 'Move to savings' }).first().click();
  // What comes home and what it costs stands there before the press.
  expect(BigInt((await page.getByTestId('close-home').getAttribute('data-msat')) ?? 'none') > 0n).toBe(true);
  await page.getByRole('dialog').getByRole('button', { name: 'Move to savings' }).click();
  await expect(page.getByRole('dialog')).toBeHidden();
  await network.mine(6, { transactions: 1 });
  await expect(page.getByTestId('channel')).toHaveCount(1);
});

test('exports diagnostics without the words', async () => {
  await wallet.go('settings');
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Download diagnostics' }).click(),
  ]);
  const { readFile } = await import('node:fs/promises');
  const text = await readFile(await download.path(), 'utf8');
  expect(text.length).toBeGreaterThan(50);
  for (const phrase of [words, words.split(' ').slice(0, 3).join(' '), PASSPHRASE]) expect(text).not.toContain(phrase);
});

test('changes the passphrase', async () => {
  await wallet.go('settings');
  await page.getByRole('button', { name: 'Change passphrase' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Current passphrase').fill(PASSPHRASE);
  await dialog.getByLabel('Passphrase', { exact: true }).fill('another river, deeper and wider');
  await dialog.getByLabel('Repeat the passphrase').fill('another river, deeper and wider');
  await dialog.getByRole('button', { name: 'Change passphrase' }).click();
  await expect(dialog.getByText('The new passphrase is in force.')).toBeVisible();
  await page.reload();
  await wallet.unlock('another river, deeper and wider');
});

test('restores the savings from the words, elsewhere', async ({ browser }) => {
  const savings = await wallet.balance('savings');
  const elsewhere = await browser.newContext({ locale: 'en-GB' });
  const restored = new WalletPage(await elsewhere.newPage(), network.wwwUrl);
  await restored.load();
  await restored.restore(words, PASSPHRASE);
  await restored.savingsReach(savings);
  await elsewhere.close();
});

test('deletes the wallet after a typed yes', async () => {
  await wallet.go('settings');
  await page.getByRole('button', { name: 'Delete wallet' }).click();
  const remove = page.getByRole('button', { name: 'Delete permanently' });
  await expect(remove).toBeDisabled();
  await page.getByLabel(/Type “delete” to confirm/).fill('delete');
  await remove.click();
  await expect(page.getByRole('link', { name: 'Create a wallet' })).toBeVisible();
  await page.reload();
  await expect(page.getByRole('link', { name: 'Create a wallet' })).toBeVisible();
});
