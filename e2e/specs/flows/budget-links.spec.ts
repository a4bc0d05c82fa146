/**
 * A budget that is handed out, on the real engine and network: the owner makes one of 1,000 sat a month and shows its link; somebody
 * with another browser opens it, pays, is refused what it does not allow, is paused, and has it taken back. A program pays, too.
 */

import { expect, test, type Browser, type BrowserContext, type Page } from '@playwright/test';
import { Wallet } from 'amplet';
import { expectAccessible } from '../../lib/axe';
import { Network } from '../../lib/network.mjs';
import { PASSPHRASE } from '../../lib/places';
import { sha256, WalletPage } from '../../lib/wallet-page.mjs';

test.describe.configure({ mode: 'serial' });

let network: Network;
let contexts: BrowserContext[];
let owner: Page;
let wallet: WalletPage;
let holder: Page;
let link: string;

async function page(browser: Browser): Promise<Page> {
  const context = await browser.newContext({ locale: 'en-GB' });
  contexts.push(context);
  const made = await context.newPage();
  made.on('pageerror', (error) => console.log('page:', error.message));
  return made;
}

test.beforeAll(async ({ browser }) => {
  contexts = [];
  network = new Network();
  owner = await page(browser);
  holder = await page(browser);
  wallet = new WalletPage(owner, network.wwwUrl);
});

test.afterAll(() => Promise.all(contexts.map((context) => context.close())));

const budget = () => owner.getByTestId('budget').filter({ hasText: 'Mia' });
const left = () => holder.getByTestId('held-left');

/** The holder brings an invoice to its preview. */
async function preview(amountMsat: bigint, description: string): Promise<void> {
  const { invoice } = await network.invoice({ amountMsat, description });
  const again = holder.getByRole('button', { name: 'New payment' }).or(holder.getByRole('button', { name: 'Cancel' }));
  if (await again.isVisible()) await again.click();
  await holder.getByLabel('Invoice').fill(invoice);
  await holder.getByRole('button', { name: 'Continue' }).click();
}

test('the owner has money', async () => {
  await wallet.load();
  await wallet.create(PASSPHRASE);
  await wallet.connected();
  await network.fund(await wallet.savingsAddress(), 500_000, 1);
  await wallet.savingsReach(500_000n);
  await wallet.openChannel(200_000n);
  await network.mine(6, { transactions: 1 });
  await wallet.channelsReady();
});

test('a budget for a child is made and handed out', async () => {
  await wallet.go('budgets');
  await owner.getByRole('button', { name: 'New budget' }).click();
  await owner.getByLabel('Name', { exact: true }).fill('Mia');
  await owner.getByLabel('Limit for').selectOption({ label: 'Each month' });
  await owner.getByLabel('At most', { exact: true }).fill('1000');
  await owner.getByRole('button', { name: 'Create budget' }).click();
  await budget().getByRole('button', { name: 'Hand out' }).click();
  const shown = owner.getByTestId('budget-link');
  await expect(shown).toHaveText(/#\/budget\/budget1/);
  await expect(owner.getByRole('img', { name: 'QR code of the link to the budget' })).toBeVisible();
  await expectAccessible(owner, 'a link to a budget');
  link = (await shown.innerText()).trim();
  await owner.getByRole('button', { name: 'Done' }).click();
  await expect(budget().getByTestId('link-used')).toHaveText('Handed out, not used yet');
});

test('its link opens a page that shows what is left, and pays', async () => {
  await holder.goto(link);
  await expect(left()).toHaveAttribute('data-msat', '1000000');
  expect(holder.url(), 'the secret is not left in the address').not.toContain('budget1');
  await expect(budget().getByTestId('link-used')).toContainText('Last used');
  await expectAccessible(holder, 'a budget that was given');
  await preview(300_000n, 'Ice cream');
  await expect(holder.getByTestId('held-pay')).toContainText('Ice cream');
  await holder.getByRole('button', { name: /^Pay / }).click();
  await expect(holder.getByTestId('held-done')).toBeVisible();
  await expect(left()).not.toHaveAttribute('data-msat', '1000000');
  expect(Number(await left().getAttribute('data-msat'))).toBeLessThanOrEqual(700_000);
  await expect(holder.getByTestId('held-payment')).toHaveCount(1);
  await expect(holder.getByTestId('held-payment')).toContainText('Ice cream');
});

test('what the budget does not allow is refused before it is tried', async () => {
  await preview(900_000n, 'A game');
  await expect(holder.locator('[data-code=budgetRefused]')).toContainText('1,000');
  await expect(holder.getByRole('button', { name: /^Pay / })).toBeDisabled();
});

test('it is there again after the page was closed, without the link', async () => {
  await holder.goto('about:blank');
  await holder.goto(network.wwwUrl);
  await expect(holder.getByRole('heading', { name: 'Mia' })).toBeVisible();
  await expect(left()).toBeVisible();
});

test('paused it pays nothing, and then goes on, by another name', async () => {
  await budget().getByRole('button', { name: 'Pause' }).click();
  await expect(budget().getByText('Paused')).toBeVisible();
  await preview(100_000n, 'A comic');
  await expect(holder.locator('[data-code=linkPaused]').first()).toBeVisible();
  await budget().getByRole('button', { name: 'Go on' }).click();
  await budget().getByRole('button', { name: 'Rename' }).click();
  await owner.getByLabel('Name of the budget').fill('Mia and Tom');
  await owner.getByRole('dialog').getByRole('button', { name: 'Rename' }).click();
  await holder.reload();
  await expect(holder.getByRole('heading', { name: 'Mia and Tom' })).toBeVisible();
  await preview(100_000n, 'A comic');
  await holder.getByRole('button', { name: /^Pay / }).click();
  await expect(holder.getByTestId('held-done')).toBeVisible();
});

test('a program that has the link pays from the same budget, without an engine', async () => {
  const budget = await Wallet.connect(link);
  const { name, usage } = await budget.info();
  expect(name).toBe('Mia and Tom');
  expect(usage[0]?.limitMsat).toBe(1_000_000n);
  const { invoice, paymentHash } = await network.invoice({ amountMsat: 50_000n, description: 'An article' });
  const paid = await budget.pay(invoice);
  expect(paid.state).toBe('succeeded');
  expect(sha256(paid.preimage ?? '')).toBe(paymentHash);
  expect(await budget.pay(invoice), 'the same invoice is paid once').toEqual(paid);
  const dear = await network.invoice({ amountMsat: 950_000n, description: 'A phone' });
  const refused = await budget.pay(dear.invoice).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: 'budgetRefused', outcome: 'notSent', budget: { limitMsat: 1_000_000n } });
  budget.close();
});

test('while the wallet is locked the holder is told, and sees it when it is back', async () => {
  await owner.getByRole('button', { name: 'Lock', exact: true }).click();
  await holder.reload();
  await expect(holder.locator('[data-code=walletOffline]')).toBeVisible();
  await wallet.unlock(PASSPHRASE);
  await wallet.connected();
  await expect(left()).toBeVisible();
});

test('taken back it pays nothing more, and is removed', async () => {
  await wallet.go('budgets');
  await budget().getByRole('button', { name: 'Take back' }).click();
  await owner.getByRole('dialog').getByRole('button', { name: 'Take back' }).click();
  await expect(budget().getByRole('button', { name: 'Hand out' })).toBeVisible();
  await holder.reload();
  await expect(holder.locator('[data-code=linkTakenBack]')).toBeVisible();
  await holder.getByRole('button', { name: 'Remove from this browser' }).click();
  await holder.getByRole('dialog').getByRole('button', { name: 'Remove from this browser' }).click();
  await expect(holder.getByLabel('Link or code')).toBeVisible();
});
