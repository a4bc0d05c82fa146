/** News while something else is done: it covers no control, and is gone once the screen says it itself. */

import { fileURLToPath } from 'node:url';
import { expect, test, type Page } from '@playwright/test';
import { expectAccessible } from '../../lib/axe';
import { unlock } from '../../lib/places';
import { serve, type Served } from '../../lib/serve';

let served: Served;

test.beforeAll(async () => {
  served = await serve(fileURLToPath(new URL('../../../www/dist-fake', import.meta.url)));
});
test.afterAll(() => served.stop());

/** The controls that the boxes of news lie on. In the page. */
function covered(): string[] {
  const toasts = Array.from(document.querySelectorAll('[data-testid=toast]'));
  const inside = (element: Element) => toasts.some((toast) => toast.contains(element));
  const controls = Array.from(document.querySelectorAll('a, button, input, textarea, summary')).filter(
    (control) => !inside(control) && control.checkVisibility(),
  );
  return controls
    .filter((control) => {
      const box = control.getBoundingClientRect();
      return toasts.some((toast) => {
        const over = toast.getBoundingClientRect();
        return box.left < over.right && over.left < box.right && box.top < over.bottom && over.top < box.bottom;
      });
    })
    .map((control) => control.textContent?.trim() ?? '');
}

const tell = (page: Page, name: string) =>
  page.evaluate((told) => dispatchEvent(new CustomEvent('fake-event', { detail: told })), name);

for (const size of [
  { width: 390, height: 844 },
  { width: 1280, height: 860 },
]) {
  test(`news covers nothing at ${size.width} px`, async ({ page }) => {
    await page.setViewportSize(size);
    await page.goto(`${served.url}?scenario=full`);
    await unlock(page);
    await tell(page, 'received');
    await tell(page, 'channelPending');
    await tell(page, 'budget');
    await expect(page.getByTestId('toast')).toHaveCount(3);
    await expect(page.getByText('You used 80 % of your limit')).toBeVisible();
    expect(await page.evaluate(covered)).toEqual([]);
    // As high as its content: nothing lies under the navigation by the chance of where it is scrolled to.
    const height = await page.evaluate(() => document.documentElement.scrollHeight);
    await page.setViewportSize({ width: size.width, height });
    await expectAccessible(page, 'news');
    await page.setViewportSize(size);
    // The later news of the same channel takes the place of the earlier.
    await tell(page, 'channelReady');
    await expect(page.getByText('Everyday money is being set up')).toBeHidden();
    await expect(page.getByText('Everyday money is ready')).toBeVisible();
    // What the opened entry says itself is no news.
    const received = page.getByTestId('toast').filter({ hasText: 'Received' });
    await expect(received).toBeVisible();
    await page.evaluate(() => (location.hash = '#/history'));
    await page.getByTestId('payment').filter({ hasText: 'Cinema tickets' }).click();
    await expect(received).toHaveCount(0);
  });
}
