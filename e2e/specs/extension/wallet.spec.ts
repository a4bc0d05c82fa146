/** The wallet in the extension: made in its tab, shown in the popup, kept open by the wallet host. */

import { expect, test } from '@playwright/test';
import { expectAccessible } from '../../lib/axe';
import { ExtensionBrowser } from '../../lib/extension';
import { Network } from '../../lib/network.mjs';
import { PASSPHRASE } from '../../lib/places';
import { WalletPage } from '../../lib/wallet-page.mjs';

test.describe.configure({ mode: 'serial' });

let network: Network;
let browser: ExtensionBrowser;

test.beforeAll(async () => {
  network = new Network();
  browser = await ExtensionBrowser.start(await network.config());
});

test.afterAll(() => browser?.close());

test('makes a wallet in its tab; the popup shows its money without asking again', async () => {
  const first = await browser.open('popup.html');
  await expect(first.getByRole('button', { name: 'Set up the wallet' })).toBeVisible();
  await expectAccessible(first, 'popup without a wallet');
  const tab = browser.context.waitForEvent('page');
  await first.getByRole('button', { name: 'Set up the wallet' }).click();
  const wallet = new WalletPage(await tab, `${browser.base}options.html`);
  await wallet.create(PASSPHRASE);
  await wallet.connected();
  await network.fund(await wallet.savingsAddress(), 1_000_000, 1);
  await wallet.savingsReach(1_000_000n);
  await wallet.openChannel(500_000n);
  await network.mine(6, { transactions: 1 });
  await wallet.channelsReady();

  await first.reload();
  await expect(first.getByTestId('balance')).toHaveAttribute('data-msat', '500000000');
  await expectAccessible(first, 'popup');
  await wallet.page.close();
  await first.close();
});
