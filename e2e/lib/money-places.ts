/** The screens of receiving, and of payments that are refused before they are made, on the pretended engine; and the way to each. */

import { expect } from '@playwright/test';
import { opened, pay, type Place } from './places';

export const MONEY_PLACES: Place[] = [
  opened('receive', '#/receive', (page) => page.getByLabel('Amount (optional)').fill('25000')),
  opened(
    'receive-no-inbound',
    '#/receive',
    (page) => expect(page.getByRole('button', { name: 'Get ready to receive' })).toBeVisible(),
    'new',
  ),
  opened(
    'receive-down',
    '#/receive',
    async (page) => {
      await expect(page.locator('[data-code=gatewayOffline]')).toContainText('Your money is safe');
      await expect(page.getByText('One step before you can receive')).toHaveCount(0);
    },
    'down',
  ),
  opened('receive-too-much', '#/receive', async (page) => {
    await page.getByLabel('Amount (optional)').fill('9000000');
    await expect(page.getByText('This is more than you can receive now')).toBeVisible();
    await expect(page.getByText('costs you nothing')).toBeVisible();
  }),
  opened('receive-invoice', '#/receive', async (page) => {
    await page.getByLabel('Amount (optional)').fill('25000');
    await page.getByLabel('Description (optional)').fill('Two coffees');
    await page.getByRole('button', { name: 'Create invoice' }).click();
    await expect(page.getByRole('img', { name: 'QR code of the invoice' })).toBeVisible();
  }),
  opened(
    'receive-ready',
    '#/receive',
    async (page) => {
      await page.getByLabel('Amount (optional)').fill('25000');
      await page.getByRole('button', { name: 'Get ready to receive' }).click();
      await expect(page.getByRole('img', { name: 'QR code of the invoice' })).toBeVisible();
    },
    'new',
  ),
  opened(
    'receive-missing',
    '#/receive',
    async (page) => {
      await page.getByRole('button', { name: 'Create invoice' }).click();
      await expect(page.getByTestId('unpayable')).toContainText('The gateway does not answer');
    },
    'down',
  ),
  opened('receive-savings', '#/receive/savings', (page) =>
    expect(page.getByRole('img', { name: 'QR code of the address' })).toBeVisible(),
  ),
  opened(
    'pay-own-limit',
    '#/pay',
    async (page) => {
      await pay(page, 'lnbcrt1');
      await expect(page.getByText('The limit is 20,000')).toBeVisible();
      await expect(page.getByRole('button', { name: /^Pay / })).toBeDisabled();
    },
    'ownLimit',
  ),
  opened('pay-again', '#/pay', async (page) => {
    await pay(page, 'lnbcrt1again');
    await expect(page.getByRole('link', { name: 'See how it stands' })).toBeVisible();
  }),
  opened('pay-any-too-much', '#/pay', async (page) => {
    await pay(page, 'lnbcrt1any');
    await page.getByRole('button', { name: 'All of it' }).click();
    await expect(page.getByRole('button', { name: /^Pay 614,000/ })).toBeEnabled();
  }),
];
