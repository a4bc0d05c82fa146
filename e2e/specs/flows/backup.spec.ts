/**
 * A wallet with a backup on the real engine and a real gateway: its browser is lost and it comes back whole; a second device is added by
 * a code; the two move it between them.
 */

import { expect, test, type Browser, type BrowserContext, type Page } from '@playwright/test';
import { expectAccessible } from '../../lib/axe';
import { Network } from '../../lib/network.mjs';
import { WalletPage } from '../../lib/wallet-page.mjs';

const PASSPHRASE = 'a quiet river under the bridge';
const OTHER = 'two grey geese over the wide lake';

test.describe.configure({ mode: 'serial' });

/** A device: a browser profile of its own. */
interface Device {
  context: BrowserContext;
  page: Page;
  wallet: WalletPage;
}

let network: Network;
let first: Device;
let second: Device;
let words = '';

async function device(browser: Browser, name: string): Promise<Device> {
  const context = await browser.newContext({ locale: 'en-GB' });
  const page = await context.newPage();
  page.on('pageerror', (error) => console.log(`${name}:`, error.message));
  return { context, page, wallet: new WalletPage(page, network.wwwUrl) };
}

const pays = async ({ wallet }: Device, amountMsat: bigint): Promise<void> => {
  const { invoice, paymentHash } = await network.invoice({ amountMsat, description: 'After the move' });
  const receipt = await wallet.pay(invoice);
  expect(receipt.hash).toBe(paymentHash);
};

test.beforeAll(async ({ browser }) => {
  network = new Network();
  first = await device(browser, 'first');
});

test.afterAll(async () => {
  await first.context.close();
  await second?.context.close();
});

test('a new wallet is backed up without a question more', async () => {
  const { page, wallet } = first;
  await wallet.load();
  words = await wallet.create(PASSPHRASE);
  await wallet.connected();
  await wallet.backedUp();
  await expect(page.getByText('Everything is saved', { exact: true })).toBeVisible();
  await network.fund(await wallet.savingsAddress(), 2_000_000, 1);
  await wallet.savingsReach(2_000_000n);
  await wallet.openChannel(1_000_000n);
  await network.mine(6, { transactions: 1 });
  await wallet.channelsReady();
  await pays(first, 25_000_000n);
  await wallet.backedUp();
});

test('its browser is lost: words and backup bring back everything, and it pays', async ({ browser }) => {
  const before = await first.wallet.balance('everyday');
  await first.context.close();
  first = await device(browser, 'restored');
  const { page, wallet } = first;
  await wallet.load();
  await wallet.restore(words, PASSPHRASE, 'Backup');
  await expect(page.getByText('Everything is back')).toBeVisible();
  await expectAccessible(page, 'restored');
  await wallet.connected();
  await wallet.everydayUntil((now) => now === before);
  await wallet.channelsReady();
  await wallet.go('history');
  await expect(page.getByTestId('payment').filter({ hasText: 'After the move' })).toHaveCount(1);
  await pays(first, 10_000_000n);
});

test('a second device is added by a code and a number, and the first says where the wallet is', async ({ browser }) => {
  const link = await first.wallet.offerPairing(PASSPHRASE);
  second = await device(browser, 'second');
  const { page } = second;
  await page.goto(link);
  await expect(page.getByLabel('Code or link')).toHaveValue(/^pair1/);
  expect(page.url(), 'the code does not stay in the address').not.toContain('pair1');
  await page.getByLabel('Name of this device').fill('Second browser');
  await page.getByRole('button', { name: 'Continue' }).click();
  const number = await page.getByTestId('pairing-number').innerText();
  await expect(first.page.getByText('“Second browser” has read the code')).toBeVisible();
  await first.page.getByLabel('Number on the new device').fill(number === '000 000' ? '000001' : '000000');
  await first.page.getByRole('button', { name: 'Give it the wallet' }).click();
  await expect(first.page.getByText('The new device shows another number.')).toBeVisible();
  await first.page.getByLabel('Number on the new device').fill(number);
  await first.page.getByRole('button', { name: 'Give it the wallet' }).click();
  await expect(first.page.getByText('The new device has it')).toBeVisible();
  await page.getByLabel('Passphrase', { exact: true }).fill(OTHER);
  await page.getByLabel('Repeat the passphrase').fill(OTHER);
  await page.getByRole('button', { name: 'Open the wallet here' }).click();
  await second.wallet.atHome();
  await first.wallet.movedAway();
  await expect(first.page.getByRole('heading', { name: 'now used on Second browser' })).toBeVisible();
  await second.wallet.connected();
  await pays(second, 5_000_000n);
});

test('one press moves it back, and the other neither fights nor misses anything', async () => {
  await first.wallet.moveHere();
  await second.wallet.movedAway();
  await first.wallet.connected();
  await pays(first, 4_000_000n);
  await expect(second.page.getByTestId('moved')).toBeVisible();
  // Reloaded, it asks for its passphrase, and does not take the wallet by that.
  await second.page.reload();
  await second.page.getByLabel('Passphrase', { exact: true }).fill(OTHER);
  await second.page.getByRole('button', { name: 'Unlock' }).click();
  await second.wallet.movedAway();
  await expect(first.page.getByRole('button', { name: 'Lock', exact: true })).toBeVisible();
  await second.wallet.moveHere();
  await first.wallet.movedAway();
  await second.wallet.connected();
  await pays(second, 3_000_000n);
  await second.wallet.go('history');
  await expect(second.page.getByTestId('payment').filter({ hasText: 'After the move' })).toHaveCount(5);
});
