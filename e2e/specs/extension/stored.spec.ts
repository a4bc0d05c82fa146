/** What the extension keeps about sites lies in the wallet: it is there exactly when the money moved, and came with an update. */

import { expect, test } from '@playwright/test';
import { fundedBrowser, press, promptOf, webln } from '../../lib/extension-wallet';
import { ExtensionBrowser } from '../../lib/extension';
import { databasesOf, makeFormerDatabase, NAME, WORDS } from '../../lib/former-sites';
import { Network } from '../../lib/network.mjs';
import { PASSPHRASE } from '../../lib/places';
import { Site } from '../../lib/site';
import { sha256, WalletPage } from '../../lib/wallet-page.mjs';

const network = new Network();

/** A page that costs money, and that says nothing to whoever paid until it is told to. */
async function slowPaywall(site: Site) {
  const state = { invoices: [] as string[], answers: false };
  site.on('/story', async (request, response) => {
    const [, token, preimage = ''] = /^L402 ([^:]+):([0-9a-f]{64})$/.exec(request.headers.authorization ?? '') ?? [];
    if (token !== undefined && sha256(preimage) === Buffer.from(token, 'base64').toString('hex')) {
      if (state.answers) response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>The whole story</h1>');
      return;
    }
    const { invoice, paymentHash } = await network.gatewayInvoice(20_000n);
    state.invoices.push(paymentHash);
    const macaroon = Buffer.from(paymentHash, 'hex').toString('base64');
    const headers = { 'www-authenticate': `L402 macaroon="${macaroon}", invoice="${invoice}"` };
    response.writeHead(402, headers).end();
  });
  return state;
}

test('a page that was paid for comes after its tab and the browser died, and is paid once', async () => {
  const site = await Site.start();
  const browser = await fundedBrowser(network, { hides: true });
  try {
    const wall = await slowPaywall(site);
    const own = await browser.open('options.html#/history');
    const tab = await browser.context.newPage();
    await tab.goto(site.origin());
    await tab.bringToFront();
    tab.goto(`${site.origin()}/story`).catch(() => undefined); // it ends with its tab
    await press(await promptOf(browser), 'Pay');
    await tab.close();
    const [paymentHash] = wall.invoices;
    await own.bringToFront();
    const entry = own.locator(`[data-testid=payment][href$="${paymentHash}"]`);
    await expect(entry).toHaveAttribute('data-state', 'succeeded');
    await browser.restart('kill');

    wall.answers = true;
    const again = await browser.open('options.html');
    const wallet = new WalletPage(again, again.url());
    await wallet.unlock(PASSPHRASE);
    await wallet.connected();
    const next = await browser.context.newPage();
    await next.bringToFront();
    await next.goto(`${site.origin()}/story`).catch(() => undefined); // loaded once more, with the credential
    await expect(next.getByRole('heading', { name: 'The whole story' })).toBeVisible();
    await again.bringToFront();
    await wallet.go('history');
    await expect(again.locator(`[data-testid=payment][href$="${paymentHash}"]`)).toHaveCount(1);
    for (const hash of wall.invoices.slice(1))
      await expect(again.locator(`[data-testid=payment][href$="${hash}"]`), 'asked for, not paid').toHaveCount(0);
  } finally {
    await browser.close();
    await site.stop();
  }
});

test('the database of an earlier release moves into the wallet, and is gone', async () => {
  const browser = await ExtensionBrowser.start(await network.config());
  try {
    const own = await browser.open('options.html');
    const wallet = new WalletPage(own, own.url());
    await wallet.restore(WORDS, PASSPHRASE);
    await own.getByRole('button', { name: 'Lock', exact: true }).click();
    await expect(own.getByRole('button', { name: 'Unlock' })).toBeVisible();
    await makeFormerDatabase(own);
    expect(await databasesOf(own)).toContain(NAME);
    await wallet.unlock(PASSPHRASE);
    await browser.context.route(/example\/$/, (route) =>
      route.fulfill({ contentType: 'text/html', body: '<h1>A shop</h1>' }),
    );
    const page = await browser.context.newPage();
    const isEnabled = async (origin: string) => {
      await page.goto(`${origin}/`);
      return webln(page, 'isEnabled');
    };
    expect(await isEnabled('https://shop.example')).toBe(true);
    expect(await isEnabled('https://old.example')).toBe(true);
    expect(await isEnabled('https://new.example')).toBe(false);
    expect(await databasesOf(own)).toEqual(['amplet/regtest']);
    await browser.restart();
    const again = await browser.open('options.html');
    await new WalletPage(again, again.url()).unlock(PASSPHRASE);
    await again.evaluate(() => (location.hash = '#/budgets'));
    await expect(again.getByTestId('connected')).toHaveCount(2);
  } finally {
    await browser.close();
  }
});
