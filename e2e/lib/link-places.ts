/** The screens of budgets that are handed out, on the pretended engine, for who hands out and who holds; and the way to each. */

import { expect } from '@playwright/test';
import { opened, type Place } from './places';

const held = (name: string, code: string, go: Place['go']): Place => ({
  name,
  scenario: 'none',
  go: async (page) => {
    await page.evaluate((to) => (location.hash = `#/budget/${to}`), code);
    await go(page);
  },
});

export const LINK_PLACES: Place[] = [
  opened('budget-hand-out', '#/budgets', async (page) => {
    await page.getByRole('button', { name: 'Hand out' }).first().click();
    await expect(page.getByRole('img', { name: 'QR code of the link to the budget' })).toBeVisible();
  }),
  opened('budget-paused', '#/budgets', async (page) => {
    await page.getByRole('button', { name: 'Pause' }).click();
    await expect(page.getByRole('button', { name: 'Go on' })).toBeVisible();
  }),
  opened('budget-rename', '#/budgets', (page) => page.getByRole('button', { name: 'Rename' }).click()),
  opened('budget-take-back', '#/budgets', (page) => page.getByRole('button', { name: 'Take back' }).click()),
  held('held', 'budget1good', (page) => expect(page.getByTestId('held-left')).toBeVisible()),
  held('held-away', 'budget1away', (page) => expect(page.locator('[data-code=walletOffline]')).toBeVisible()),
  held('held-paused', 'budget1paused', (page) => expect(page.locator('[data-code=linkPaused]')).toBeVisible()),
  held('held-gone', 'budget1gone', (page) => expect(page.locator('[data-code=linkTakenBack]')).toBeVisible()),
  held('held-wrong', 'nothing', (page) => expect(page.getByText('This is no link to a budget')).toBeVisible()),
  held('held-preview', 'budget1good', async (page) => {
    await page.getByLabel('Invoice').fill('lnbcrt1');
    await page.getByRole('button', { name: 'Continue' }).click();
    await expect(page.getByTestId('held-amount')).toBeVisible();
  }),
  held('held-refused', 'budget1good', async (page) => {
    await page.getByLabel('Invoice').fill('lnbcrt1dear');
    await page.getByRole('button', { name: 'Continue' }).click();
    await expect(page.locator('[data-code=budgetRefused]')).toContainText('10,000');
  }),
  held('held-done', 'budget1good', async (page) => {
    await page.getByLabel('Invoice').fill('lnbcrt1');
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByRole('button', { name: /^Pay / }).click();
    await expect(page.getByTestId('held-done')).toBeVisible();
  }),
];
