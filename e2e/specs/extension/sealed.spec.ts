/** What the extension keeps about sites: sealed on the disk, listed and taken back by the user, gone with the wallet. */

import { expect, test, type Page } from '@playwright/test';
import { expectAccessible } from '../../lib/axe';
import { fundedBrowser, giveBudget, press, promptOf, webln } from '../../lib/extension-wallet';
import type { ExtensionBrowser } from '../../lib/extension';
import { databasesOf, makeFormerDatabase } from '../../lib/former-sites';
import { Network } from '../../lib/network.mjs';
import { paywall } from '../../lib/paywall';
import { PASSPHRASE } from '../../lib/places';
import { Site } from '../../lib/site';
import { WalletPage } from '../../lib/wallet-page.mjs';

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

/** Every name and every byte of the extension's databases, as text. */
const dumpOf = (own: Page): Promise<string> =>
  own.evaluate(async () => {
    const done = <T>(request: IDBRequest<T>): Promise<T> =>
      new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error ?? new Error('the database does not open'));
      });
    const texts: string[] = [];
    const text = (value: unknown): string =>
      value instanceof ArrayBuffer || value instanceof Uint8Array
        ? new TextDecoder('latin1').decode(value)
        : JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner));
    for (const { name = '' } of await indexedDB.databases()) {
      const database = await done(indexedDB.open(name));
      for (const table of Array.from(database.objectStoreNames)) {
        const store = database.transaction(table).objectStore(table);
        const [keys, values] = await Promise.all([done(store.getAllKeys()), done(store.getAll())]);
        texts.push(...keys.map(text));
        for (const value of values as unknown[]) texts.push(text(value));
      }
      database.close();
    }
    return texts.join('\n');
  });

test('sites, invoices and proofs cannot be read where they are kept', async () => {
  const enabled = webln(page, 'enable');
  await press(await promptOf(browser), 'Allow');
  await enabled;
  await giveBudget(browser, page, 1_000, 500);
  paywall(site, network, '/story', 20_000n);
  await page.goto(`${site.origin()}/story`);
  await expect(page.getByRole('heading', { name: 'The whole story' })).toBeVisible();
  await page.goto(site.origin());
  const { invoice } = await network.gatewayInvoice(10_000n);
  const { preimage } = (await webln<{ preimage: string }>(page, 'sendPayment', invoice)) as { preimage: string };
  const own = await browser.open('options.html');
  const dump = await dumpOf(own);
  expect(dump.length).toBeGreaterThan(500);
  for (const secret of ['127.0.0.1', 'http://', 'grant/', 'lnbcrt', invoice, preimage])
    expect(dump).not.toContain(secret);
  expect(await databasesOf(own)).toEqual(['amplet/regtest']);
  await own.close();
});

test('the wallet’s tab lists who was let in, and takes it back', async () => {
  const own = await browser.open('options.html#/budgets');
  const entry = own.getByTestId('connected').filter({ hasText: '127.0.0.1' });
  await expect(entry).toContainText('Pays within its budget');
  await expectAccessible(own, 'connected sites');
  await entry.getByRole('button', { name: 'Disconnect' }).click();
  await own.getByRole('dialog').getByRole('button', { name: 'Disconnect' }).click();
  await expect(own.getByText('No site is connected.')).toBeVisible();
  expect(await webln(page, 'isEnabled')).toBe(false);
  await own.close();
});

test('locked, nothing of it is said; deleted with the wallet, the next wallet knows nobody', async () => {
  const enabled = webln(page, 'enable');
  await press(await promptOf(browser), 'Allow');
  await enabled;
  expect(await webln(page, 'isEnabled')).toBe(true);
  const own = await browser.open('options.html#/settings');
  await makeFormerDatabase(own); // as if the wallet had not been opened since an earlier release
  await own.getByRole('button', { name: 'Delete wallet' }).click();
  const dialog = own.getByRole('dialog');
  await dialog.getByRole('textbox').fill('delete');
  await dialog.getByRole('button', { name: /^Delete/ }).click();
  const wallet = new WalletPage(own, own.url());
  await expect(
    own
      .getByRole('button', { name: 'Create a wallet' })
      .or(own.getByRole('link', { name: /wallet/ }))
      .first(),
  ).toBeVisible();
  expect(await databasesOf(own)).toEqual([]);
  await own.goto(`${browser.base}options.html`);
  await wallet.create(PASSPHRASE);
  await page.reload();
  expect(await webln(page, 'isEnabled')).toBe(false);
  await own.close();
});
