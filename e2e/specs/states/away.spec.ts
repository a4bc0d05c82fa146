/** What closing the page would mean is told: money in flight, and when the wallet has to be open again. */

import { fileURLToPath } from 'node:url';
import { expect, test } from '@playwright/test';
import { unlock } from '../../lib/places';
import { serve, type Served } from '../../lib/serve';

let served: Served;

test.beforeAll(async () => {
  served = await serve(fileURLToPath(new URL('../../../www/dist-fake', import.meta.url)));
});
test.afterAll(() => served.stop());

test('while money is in flight the browser asks before the page goes', async ({ page }) => {
  await page.goto(`${served.url}?scenario=full`);
  await unlock(page);
  await expect(page.getByText('Money is on its way')).toBeVisible();
  const asked = page.waitForEvent('dialog');
  await page.close({ runBeforeUnload: true });
  const dialog = await asked;
  expect(dialog.type()).toBe('beforeunload');
  await dialog.dismiss();
  await expect(page.getByTestId('everyday')).toBeVisible();
});

test('with nothing in flight the page goes at once', async ({ page }) => {
  await page.goto(`${served.url}?scenario=new`);
  await unlock(page);
  await expect(page.getByTestId('safe-until')).toHaveCount(0);
  const closed = page.waitForEvent('close');
  await page.close({ runBeforeUnload: true });
  await closed;
});

test('when to open the wallet again is a line, and a notice when that is soon', async ({ page }) => {
  await page.goto(`${served.url}?scenario=full`);
  await unlock(page);
  await expect(page.getByTestId('safe-until')).toHaveText(/^Open this wallet again before \d+ [A-Z][a-z]+\.$/);
  await page.goto(`${served.url}?scenario=soon`);
  await unlock(page);
  await expect(page.getByText(/^Open this wallet again before .*:\d\d$/)).toBeVisible();
});
