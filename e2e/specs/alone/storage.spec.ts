/** A browser that does not store, stores no more, or has lost what was stored: the user is told, and what is there is kept. */

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test, type Page } from '@playwright/test';
import { PASSPHRASE } from '../../lib/places';
import { ALONE, serve, type Served } from '../../lib/serve';
import { WalletPage } from '../../lib/wallet-page.mjs';

const DIST = fileURLToPath(new URL('../../../www/dist', import.meta.url));

/** The engine's worker: faults of its database are put before its own script. */
const WORKER = `assets/${readdirSync(`${DIST}/assets`).find((file) => /^engine\.worker.*\.js$/.test(file)) ?? ''}`;
const SCRIPT = readFileSync(`${DIST}/${WORKER}`, 'utf8');

/** Refuses the database, as a browser that blocks site data does. */
const DENIED = `IDBFactory.prototype.open = () => { throw new DOMException('The user denied permission', 'SecurityError') };`;

/** Aborts each transaction that writes, after so many that were let through. */
const failingAfter = (commits: number): string => `{
  let left = ${commits};
  const begin = IDBDatabase.prototype.transaction;
  IDBDatabase.prototype.transaction = function (stores, mode, options) {
    const transaction = begin.call(this, stores, mode, options);
    if (mode === 'readwrite' && (left -= 1) < 0) queueMicrotask(() => transaction.abort());
    return transaction;
  };
}`;

// Else the page's own service worker answers with the script of the first visit.
test.use({ serviceWorkers: 'block' });

let served: Served;

test.beforeEach(async () => {
  served = await serve(DIST, { 'config.json': ALONE });
});
test.afterEach(() => served.stop());

/** From the next start of the engine on. */
const fault = (before: string): void => served.put(WORKER, `${before}\n${SCRIPT}`);

async function created(page: Page): Promise<WalletPage> {
  const wallet = new WalletPage(page, served.url);
  await wallet.load();
  await wallet.create(PASSPHRASE);
  return wallet;
}

test('storage that is denied is told, before anything is asked for', async ({ page }) => {
  fault(DENIED);
  await page.goto(served.url);
  await expect(page.locator('[data-code=storage]')).toBeVisible();
  await expect(page.getByRole('link', { name: 'Create a wallet' })).toHaveCount(0);
});

test('storage that fails while a wallet is made leaves none, and the next attempt succeeds', async ({ page }) => {
  fault(failingAfter(1));
  const wallet = new WalletPage(page, served.url);
  await wallet.load();
  const creating = expect(wallet.create(PASSPHRASE)).rejects.toThrow();
  await expect(page.locator('[data-code]').first()).toBeVisible();
  fault('');
  await page.close();
  await creating;
  const next = new WalletPage(await page.context().newPage(), served.url);
  await next.load();
  await next.create(PASSPHRASE);
});

test('storage that fails later is told, and the next start finds the wallet', async ({ page }) => {
  await created(page);
  const address = async (on: Page): Promise<string> => {
    await on.evaluate(() => (location.hash = '#/receive/savings'));
    return on.getByTestId('address').innerText();
  };
  await page.getByRole('button', { name: 'Lock', exact: true }).click();
  // Opening takes the writer's epoch: what is saved afterwards fails.
  fault(failingAfter(1));
  await page.close();
  const broken = await page.context().newPage();
  const again = new WalletPage(broken, served.url);
  await again.load();
  await again.unlock(PASSPHRASE);
  await broken.evaluate(() => (location.hash = '#/receive/savings'));
  await expect(broken.locator('[data-code=storage]')).toBeVisible();
  await expect(broken.getByTestId('address')).toHaveCount(0);
  await broken.evaluate(() => (location.hash = '#/home'));
  await expect(broken.getByText('Nothing can be saved: the storage fails')).toBeVisible();
  fault('');
  await broken.close();
  const whole = await page.context().newPage();
  const last = new WalletPage(whole, served.url);
  await last.load();
  await last.unlock(PASSPHRASE);
  expect(await address(whole)).toMatch(/^bcrt1p/);
});

test('a wallet whose data the browser has cleared ends, and says so', async ({ page }) => {
  const wallet = await created(page);
  const session = await page.context().newCDPSession(page);
  await session.send('Storage.clearDataForOrigin', { origin: new URL(served.url).origin, storageTypes: 'indexeddb' });
  await wallet.go('receive/savings');
  await expect(
    page.locator('[data-code=walletNotFound], [data-code=closed], [data-code=storage]').first(),
  ).toBeVisible();
  await page.close();
  const next = await page.context().newPage();
  await next.goto(served.url);
  await expect(next.getByRole('link', { name: 'Create a wallet' })).toBeVisible();
});
