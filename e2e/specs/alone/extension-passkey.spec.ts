/** A wallet of the extension that a passkey opens: the credential is of the extension's own id. */

import { expect, test } from '@playwright/test';
import { Authenticators } from '../../lib/authenticator';
import { ExtensionBrowser } from '../../lib/extension';
import { ALONE } from '../../lib/serve';

test('an extension makes and opens its wallet by a passkey', async () => {
  const browser = await ExtensionBrowser.start(JSON.parse(ALONE));
  const page = await browser.open('options.html');
  const authenticators = await Authenticators.of(page);
  await authenticators.add('internal');
  await page.getByRole('link', { name: 'Create a wallet' }).click();
  await page.getByRole('button', { name: 'Create with a passkey' }).click();
  await expect(page.getByText('Write down your recovery words')).toBeVisible();
  await page.getByRole('button', { name: 'Lock', exact: true }).click();
  await page.getByRole('button', { name: 'Unlock with a passkey' }).click();
  await expect(page.getByTestId('everyday')).toBeVisible();
  await browser.close();
});
