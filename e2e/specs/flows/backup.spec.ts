/**
 * A wallet with a backup on the real engine and a real gateway: its browser is lost and it comes back whole; a second device is added by
 * a code; the two move it between them, and one removes the other.
 */

import { expect, test, type Browser, type BrowserContext, type Page } from '@playwright/test';
import { Authenticators } from '../../lib/authenticator';
import { expectAccessible } from '../../lib/axe';
import { Network } from '../../lib/network.mjs';
import { PASSPHRASE } from '../../lib/places';
import { WalletPage } from '../../lib/wallet-page.mjs';

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

test('devices are listed and named; one that is removed is told so, and can only delete its copy', async () => {
  const { page } = second;
  await second.wallet.go('settings');
  const devices = page.getByTestId('devices').getByRole('listitem');
  await expect(devices.first()).toContainText('Second browser');
  await expect(devices.first()).toContainText('This device');
  // The browser that was lost at first, and the one that came in its place, have one name.
  const others = (await devices.count()) - 1;
  expect(others).toBeGreaterThan(0);
  const mine = devices.nth(1); // the one that had the wallet last
  await mine.getByRole('button', { name: /^Rename/ }).click();
  await page.getByRole('dialog').getByLabel('Name of the device').fill('First browser');
  await page.getByRole('dialog').getByRole('button', { name: 'Rename' }).click();
  await expect(mine).toContainText('First browser');
  await page.getByRole('button', { name: 'Remove First browser' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText('make a new wallet and send everything there');
  await expectAccessible(page, 'removing a device');
  await dialog.getByRole('button', { name: 'Remove' }).click();
  await expect(page.getByText('“First browser” was removed')).toBeVisible();
  await expect(devices).toHaveCount(others);
  // It had said where the wallet is; now it cannot have it back, nor by its passphrase.
  await first.page.getByRole('button', { name: 'Move here' }).click();
  await expect(first.page.getByText('This device was removed from the wallet')).toBeVisible();
  await first.page.reload();
  await first.page.getByLabel('Passphrase', { exact: true }).fill(PASSPHRASE);
  await first.page.getByRole('button', { name: 'Unlock' }).click();
  const told = first.page.getByRole('alert').filter({ hasText: 'This device was removed from the wallet' });
  await expect(told).toHaveCount(1);
  await told.getByRole('button', { name: 'Delete wallet' }).click();
  await expect(first.page.getByText(/Your other devices go on with the wallet/)).toBeVisible();
  await first.page.getByLabel('Type “delete” to confirm').fill('delete');
  await first.page.getByRole('button', { name: 'Delete permanently' }).click();
  await expect(first.page.getByRole('link', { name: 'Create a wallet' })).toBeVisible();
  await pays(second, 2_000_000n);
});

test('a wallet that opens by passkey only is backed up from the start, and adds a device', async ({ browser }) => {
  const context = await browser.newContext({ locale: 'en-GB' });
  const page = await context.newPage();
  // A passkey is of a name, not of an address.
  const wallet = new WalletPage(page, network.wwwUrl.replace('127.0.0.1', 'localhost'));
  const authenticators = await Authenticators.of(page);
  await authenticators.add('internal');
  await wallet.load();
  await page.getByRole('link', { name: 'Create a wallet' }).click();
  await expect(page.getByText(/those words and the backup you get everything back/)).toBeVisible();
  await page.getByRole('button', { name: 'Create with a passkey' }).click();
  await wallet.atHome();
  await wallet.backedUp();
  await page.getByRole('button', { name: 'Add a device' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Use a passkey' }).click();
  await expect(page.getByTestId('pairing-link')).toHaveText(/#\/pair\/pair1/);
  await context.close();
});
