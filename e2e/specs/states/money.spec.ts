/** What stands in the way of a payment is told before the press, with what can be done about it. */

import { fileURLToPath } from 'node:url';
import { expect, test } from '@playwright/test';
import { opened, pay, unlock } from '../../lib/places';
import { serve, type Served } from '../../lib/serve';

let served: Served;

test.beforeAll(async () => {
  served = await serve(fileURLToPath(new URL('../../../www/dist-fake', import.meta.url)));
});
test.afterAll(() => served.stop());

test('an own limit is changed where it refuses, and the payment goes on', async ({ page }) => {
  await page.goto(`${served.url}?scenario=ownLimit`);
  await opened('pay', '#/pay').go(page);
  await pay(page, 'lnbcrt1');
  const press = page.getByRole('button', { name: /^Pay / });
  await expect(page.locator('[data-code=budgetRefused]')).toContainText('20,000');
  await expect(press).toBeDisabled();
  await page.getByRole('button', { name: 'Change limits' }).click();
  await page.getByRole('dialog').getByLabel('At most').fill('30000');
  await page.getByRole('button', { name: 'Save limits' }).click();
  await expect(page.locator('[data-code=budgetRefused]')).toHaveCount(0);
  await press.click();
  await expect(page.getByTestId('pay-done')).toBeVisible();
});

test('a refusal goes when what it refused is changed', async ({ page }) => {
  await page.goto(`${served.url}?scenario=full`);
  await opened('channels', '#/channels/open').go(page);
  const amount = page.getByLabel('Amount', { exact: true });
  await amount.fill('9000000');
  await page.getByRole('button', { name: 'Preview the cost' }).click();
  await expect(page.locator('[data-code=insufficientBalance]')).toBeVisible();
  await amount.fill('100000');
  await expect(page.locator('[data-code=insufficientBalance]')).toHaveCount(0);
});

test('each of the three steps of a new wallet leads there', async ({ page }) => {
  await page.goto(`${served.url}?scenario=new`);
  await unlock(page);
  await page.getByRole('link', { name: 'Deposit bitcoin to your savings.' }).click();
  await expect(page.getByRole('img', { name: 'QR code of the address' })).toBeVisible();
});

test('a dialog begins at its title, and gives the focus back', async ({ page }) => {
  await page.goto(`${served.url}?scenario=full`);
  await opened('channels', '#/channels').go(page);
  const open = page.getByRole('main').getByRole('button', { name: 'Add to everyday' });
  await open.focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog').getByRole('heading', { name: 'Add to everyday' })).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(open).toBeFocused();
});

test('each speed of an on-chain payment says what it costs, of the amount that is on the screen', async ({ page }) => {
  await page.goto(`${served.url}?scenario=full`);
  await opened('send', '#/pay').go(page);
  await pay(page, 'bcrt1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqvg32hk');
  const speed = (name: string) => page.getByRole('radio', { name });
  await expect(speed('In minutes 8.2 sat/vB')).toBeVisible();
  await page.getByLabel('Amount', { exact: true }).fill('120000');
  for (const priced of ['Within a day 169 sat', 'Within an hour 616 sat', 'In minutes 1,262 sat'])
    await expect(speed(priced)).toBeVisible();
  await page.getByLabel('Amount', { exact: true }).fill('900000000');
  await expect(speed('In minutes 8.2 sat/vB')).toBeVisible();
});
