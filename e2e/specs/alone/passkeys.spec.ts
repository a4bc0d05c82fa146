/** A wallet that passkeys open, on its own engine. */

import { fileURLToPath } from 'node:url';
import { expect, test, type Page } from '@playwright/test';
import { Authenticators } from '../../lib/authenticator';
import { PASSPHRASE } from '../../lib/places';
import { ALONE, serve, type Served } from '../../lib/serve';
import { WalletPage } from '../../lib/wallet-page.mjs';

const DIST = fileURLToPath(new URL('../../../www/dist', import.meta.url));

let served: Served;

test.beforeAll(async () => {
  served = await serve(DIST, { 'config.json': ALONE });
});
test.afterAll(() => served.stop());

/** A passkey is of a name, not of an address. */
const url = (): string => served.url.replace('127.0.0.1', 'localhost');

const lock = (page: Page): Promise<void> => page.getByRole('button', { name: 'Lock', exact: true }).click();

async function createByPasskey(page: Page): Promise<WalletPage> {
  const wallet = new WalletPage(page, url());
  await wallet.load();
  await page.getByRole('link', { name: 'Create a wallet' }).click();
  await page.getByRole('button', { name: 'Create with a passkey' }).click();
  return wallet;
}

async function settings(page: Page): Promise<void> {
  await page.getByRole('navigation').getByRole('link', { name: 'Settings' }).click();
  await expect(page.getByRole('heading', { level: 2, name: 'Unlocking' })).toBeVisible();
}

test('a wallet is made by a passkey, asks for its words to be written down, and opens again', async ({ page }) => {
  const authenticators = await Authenticators.of(page);
  await authenticators.add('internal');
  const wallet = await createByPasskey(page);
  await wallet.atHome();
  await expect(page.getByText('Write down your recovery words')).toBeVisible();
  await page.reload();
  await expect(page.getByLabel('Passphrase', { exact: true })).toHaveCount(0);
  await page.getByRole('button', { name: 'Unlock with a passkey' }).click();
  await wallet.atHome();
  await page.getByRole('button', { name: 'Show the words' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Use a passkey' }).click();
  await expect(page.getByTestId('words').locator('b')).toHaveCount(12);
  await page.getByRole('button', { name: 'I have written them down' }).click();
  await expect(page.getByText('Write down your recovery words')).toHaveCount(0);
  await page.reload();
  await page.getByRole('button', { name: 'Unlock with a passkey' }).click();
  await wallet.atHome();
  await expect(page.getByText('Write down your recovery words')).toHaveCount(0);
});

test('a second passkey is added, the first removed and refused, and a passphrase added', async ({ page }) => {
  const authenticators = await Authenticators.of(page);
  const inside = await authenticators.add('internal');
  const wallet = await createByPasskey(page);
  await wallet.atHome();
  await settings(page);
  const list = page.getByTestId('unlocking').getByRole('listitem');
  await expect(list).toHaveCount(1);
  await expect(list.getByRole('button')).toHaveCount(0); // the last one stays
  await page.getByRole('button', { name: 'Set a passphrase' }).click();
  await page.getByLabel('Passphrase', { exact: true }).fill(PASSPHRASE);
  await page.getByLabel('Repeat the passphrase').fill(PASSPHRASE);
  await page.getByRole('dialog').getByRole('button', { name: 'Use a passkey' }).click();
  await page.getByRole('button', { name: 'Done' }).click();
  await expect(list).toHaveCount(2);
  await authenticators.touch(inside, false);
  await authenticators.add('usb');
  await page.getByRole('button', { name: 'Add a passkey' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name of the passkey').fill('Stick');
  await dialog.getByLabel('Passphrase', { exact: true }).fill(PASSPHRASE);
  await dialog.getByRole('button', { name: 'Add a passkey' }).click();
  await expect(list).toHaveCount(3);
  await page.getByRole('button', { name: 'Remove This device' }).click();
  await dialog.getByLabel('Passphrase', { exact: true }).fill(PASSPHRASE);
  await dialog.getByRole('button', { name: 'Remove it' }).click();
  await expect(list).toHaveText([/Passphrase/, /Stick/]);
  await lock(page);
  await page.getByRole('button', { name: 'Unlock with a passkey' }).click();
  await expect(list).toHaveCount(2);
  await lock(page);
  await wallet.unlock(PASSPHRASE);
});

test('a prompt that gives nothing is told, and nothing is made', async ({ page }) => {
  const authenticators = await Authenticators.of(page);
  await authenticators.refuse(await authenticators.add('internal'));
  await createByPasskey(page);
  await expect(page.getByText('No passkey was given')).toBeVisible();
  await page.getByRole('link', { name: 'Back' }).click();
  await page.reload();
  await expect(page.getByRole('link', { name: 'Create a wallet' })).toBeVisible();
});

test('an authenticator that cannot is told, and a passphrase does instead', async ({ page }) => {
  const authenticators = await Authenticators.of(page);
  await authenticators.add('internal', false);
  const wallet = await createByPasskey(page);
  await expect(page.getByText('A passkey does not work here')).toBeVisible();
  await wallet.load();
  await wallet.create(PASSPHRASE);
});
