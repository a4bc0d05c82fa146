/** The service worker: the page opens without a network and says so; a new release waits for a yes. */

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@playwright/test';
import { Network } from '../../lib/network.mjs';
import { PASSPHRASE } from '../../lib/places';
import { serve } from '../../lib/serve';
import { WalletPage } from '../../lib/wallet-page.mjs';

const DIST = fileURLToPath(new URL('../../../www/dist', import.meta.url));

/** The configuration of the network's own page. */
const config = async (network: Network) => (await fetch(new URL('config.json', network.wwwUrl))).text();

test('opens offline, from the last visit, and says so', async ({ browser }) => {
  const network = new Network();
  const served = await serve(DIST, { 'config.json': await config(network) });
  const context = await browser.newContext({ locale: 'en-GB' });
  const page = await context.newPage();
  const wallet = new WalletPage(page, served.url);
  await wallet.load();
  await wallet.create(PASSPHRASE);
  await wallet.connected();
  await page.evaluate(async () => void (await navigator.serviceWorker.ready));
  // Playwright's switch reaches pages, not the shared worker: so the gateways go as well.
  await Promise.all([served.stop(), network.node('0', 'kill'), network.node('1', 'kill')]);
  await context.setOffline(true);
  await page.reload();
  await expect(page.getByText(/You are offline/)).toBeVisible();
  await wallet.unlock(PASSPHRASE);
  await wallet.connected('offline');
  for (const place of ['Receive', 'History', 'Channels', 'Settings']) {
    await page.getByRole('navigation').getByRole('link', { name: place }).click();
    await expect(page.getByRole('heading', { level: 1, name: place })).toBeVisible();
  }
  await Promise.all([served.start(), network.node('0', 'start'), network.node('1', 'start')]);
  await context.setOffline(false);
  await wallet.connected();
  await context.close();
  await served.stop();
});

test('keeps its release until the user says yes', async ({ browser }) => {
  const network = new Network();
  const served = await serve(DIST, { 'config.json': await config(network) });
  const context = await browser.newContext({ locale: 'en-GB' });
  const page = await context.newPage();
  const wallet = new WalletPage(page, served.url);
  await wallet.load();
  await page.evaluate(async () => void (await navigator.serviceWorker.ready));
  await page.reload();
  await expect(page.getByText('A new release is ready')).toHaveCount(0);

  // The same files under another release's name: what a server has after an update.
  const worker = await readFile(`${DIST}/sw.js`, 'utf8');
  served.put('sw.js', worker.replace(/RELEASE="[0-9a-f]+"/, 'RELEASE="0123456789abcdef"'));
  const caches = () =>
    page.evaluate(async () => (await globalThis.caches.keys()).filter((name) => name.startsWith('amplet-release')));
  const before = await caches();
  await page.evaluate(async () => void (await (await navigator.serviceWorker.ready).update()));
  await expect(page.getByText('A new release is ready')).toBeVisible();
  expect(await page.evaluate(() => navigator.serviceWorker.controller?.state)).toBe('activated');
  expect(await caches()).toEqual(expect.arrayContaining(before));
  await page.getByRole('button', { name: 'Update now' }).click();
  // The page loads itself again meanwhile, and a question to it may be cut off by that: ask again.
  await expect(async () => expect(await caches()).toEqual(['amplet-release-0123456789abcdef'])).toPass({
    timeout: 10_000,
  });
  await expect(page.getByText('A new release is ready')).toHaveCount(0);

  // A file that is not what the release says: the release is not installed, the old one stays.
  const broken = worker
    .replace(/RELEASE="[0-9a-f]+"/, 'RELEASE="ffffffffffffffff"')
    .replace(/"sha256-[^"]+"/, `"sha256-${'A'.repeat(43)}="`);
  served.put('sw.js', broken);
  await page.evaluate(async () => void (await (await navigator.serviceWorker.ready).update().catch(() => undefined)));
  await page.waitForTimeout(1500);
  await expect(page.getByText('A new release is ready')).toHaveCount(0);
  expect(await page.evaluate(() => navigator.serviceWorker.controller?.state)).toBe('activated');
  await context.close();
  await served.stop();
});

test('locks itself when nobody touches it', async ({ browser }) => {
  const context = await browser.newContext({ locale: 'en-GB' });
  const page = await context.newPage();
  await page.clock.install();
  const wallet = new WalletPage(page, new Network().wwwUrl);
  await wallet.load();
  await wallet.create(PASSPHRASE);
  await wallet.go('settings');
  await page.getByLabel('Lock by itself').selectOption({ label: 'After 5 min without use' });
  await page.clock.runFor(4 * 60_000);
  await expect(page.getByRole('button', { name: 'Lock', exact: true })).toBeVisible();
  await page.clock.runFor(90_000);
  await expect(page.getByRole('button', { name: 'Unlock' })).toBeVisible();
  await context.close();
});
