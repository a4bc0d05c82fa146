/** The page on the pretended engine (`www/src/dev`), whose wallet is there already. */

import { expect, type Page } from '@playwright/test';

export const PASSPHRASE = 'a quiet river under the bridge';

/** Unlocks the wallet, as a user does. */
export const unlock = async (page: Page) => {
  await page.getByLabel('Passphrase', { exact: true }).fill(PASSPHRASE);
  await page.getByRole('button', { name: 'Unlock' }).click();
  await expect(page.getByTestId('everyday')).toBeVisible();
};
