/** Everything is reachable: 320 px, letters of twice the size, a phone on its side (WCAG 2.2: 1.4.4, 1.4.10, 2.5.8). */

import { fileURLToPath } from 'node:url';
import { chromium, expect, test, type Page } from '@playwright/test';
import { CHROMIUM } from '../../lib/chromium.mjs';
import { MONEY_PLACES } from '../../lib/money-places';
import { PLACES as OTHERS, unlock } from '../../lib/places';
import { serve, type Served } from '../../lib/serve';

const NAMES = [
  'welcome',
  'unlock',
  'home',
  'home-down',
  'connection',
  'receive',
  'receive-invoice',
  'pay',
  'pay-preview',
  'pay-1000-parts',
  'send',
  'history',
  'history-waiting',
  'channels',
  'channel-close',
  'channel-open',
  'budgets',
  'settings',
];

const PLACES = [...OTHERS, ...MONEY_PLACES];

let served: Served;

test.beforeAll(async () => {
  served = await serve(fileURLToPath(new URL('../../../www/dist-fake', import.meta.url)));
});
test.afterAll(() => served.stop());

/** What cannot be reached or is hard to hit or to read. In the page. */
function faults(least: number): string[] {
  const { clientWidth, scrollWidth } = document.documentElement;
  const found = scrollWidth > clientWidth ? [`the page is ${scrollWidth} of ${clientWidth} px wide`] : [];
  if (scrollWidth > clientWidth) {
    for (const element of Array.from(document.querySelectorAll('main *'))) {
      if (element.getBoundingClientRect().right > clientWidth + 1)
        found.push(
          `${element.tagName}.${element.className.toString()} ends at ${element.getBoundingClientRect().right}`,
        );
    }
  }
  const dialog = document.querySelector('dialog[open]');
  const controls = (dialog ?? document).querySelectorAll('a, button, input, textarea, select, summary, [role=textbox]');
  for (const control of Array.from(controls)) {
    // A box or dot to tick is as large as the label that it is in.
    const target = control.matches('[type=checkbox], [type=radio]') ? (control.closest('label') ?? control) : control;
    if (!control.checkVisibility() || target.closest('.visually-hidden, .skip')) continue;
    const { left, right, width, height } = target.getBoundingClientRect();
    const name = `${control.tagName} ${(control.getAttribute('aria-label') ?? control.textContent ?? '').trim().slice(0, 40)}`;
    if (left < -1 || right > clientWidth + 1) found.push(`${name}: from ${left} to ${right} px`);
    // Links in running text are as high as it.
    const inText = control.matches('p a');
    if (!inText && (height < least || width < least)) found.push(`${name}: ${width} x ${height} px`);
    if (control.matches('input:not([type=checkbox], [type=radio]), textarea, select')) {
      const size = parseFloat(getComputedStyle(control).fontSize);
      if (size < 16) found.push(`${name}: letters of ${size} px`);
    }
  }
  return found;
}

async function expectReachable(page: Page, names: readonly string[], least: number): Promise<void> {
  for (const { name, scenario, go } of PLACES.filter((place) => names.includes(place.name))) {
    await page.goto('about:blank');
    await page.goto(`${served.url}?scenario=${scenario}`);
    await expect(page.locator('main h1')).toBeAttached();
    await go(page);
    expect.soft(await page.evaluate(faults, least), name).toEqual([]);
  }
}

test('at 320 px everything is in the page, and large enough to hit', async ({ page }) => {
  expect(PLACES.filter(({ name }) => NAMES.includes(name))).toHaveLength(NAMES.length);
  await page.setViewportSize({ width: 320, height: 640 });
  await expectReachable(page, NAMES, 44);
});

test('with letters of twice the size nothing is cut off', async () => {
  const browser = await chromium.launch({
    ...CHROMIUM,
    args: [...CHROMIUM.args, '--blink-settings=defaultFontSize=32'],
  });
  const page = await browser.newPage({ viewport: { width: 390, height: 844 }, locale: 'en-GB' });
  await expectReachable(page, NAMES, 44);
  await page.screenshot({
    path: fileURLToPath(new URL('../../screenshots/settings-large-letters.png', import.meta.url)),
  });
  await page.goto('about:blank');
  await page.goto(`${served.url}?scenario=full`);
  await unlock(page);
  await page.screenshot({ path: fileURLToPath(new URL('../../screenshots/home-large-letters.png', import.meta.url)) });
  await browser.close();
});

test('on its side most of the height is left for what is read', async ({ page }) => {
  await page.setViewportSize({ width: 740, height: 360 });
  await page.goto(`${served.url}?scenario=full`);
  await unlock(page);
  await page.evaluate(() => (location.hash = '#/pay'));
  await page.getByLabel('Invoice or address').fill('lnbcrt1');
  await page.evaluate(() => scrollTo(0, 1_000));
  const fixed = await page.evaluate(() =>
    ['header', 'nav'].reduce((sum, name) => {
      const box = document.querySelector(name)?.getBoundingClientRect();
      return box ? sum + Math.max(0, Math.min(box.bottom, innerHeight) - Math.max(box.top, 0)) : sum;
    }, 0),
  );
  expect(fixed).toBeLessThan(120);
  await page.keyboard.press('Enter');
  await expect(page.getByTestId('preview')).toBeVisible();
  await expect(page.getByRole('heading', { name: 'You are about to pay' })).toBeFocused();
});

test('what is pasted anywhere is shown to be paid', async ({ page }) => {
  await page.goto(`${served.url}?scenario=full`);
  await unlock(page);
  const paste = (text: string) =>
    page.evaluate((pasted) => {
      const data = new DataTransfer();
      data.setData('text/plain', pasted);
      document.body.dispatchEvent(
        new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }),
      );
    }, text);
  await paste('hello there');
  await expect(page).toHaveURL(/#\/home|scenario=full$/);
  await paste(`Please pay lnbcrt1${'q'.repeat(60)}, thanks`);
  await expect(page.getByTestId('preview')).toBeVisible();
});

test('what the browser offers to install can be asked for in the settings', async ({ page }) => {
  await page.goto(`${served.url}?scenario=full`);
  await unlock(page);
  await page.evaluate(() => (location.hash = '#/settings'));
  const button = page.getByRole('button', { name: 'Install as an app' });
  await expect(page.getByRole('heading', { name: 'Safety' })).toBeVisible();
  await expect(button).toHaveCount(0);
  await page.evaluate(() => {
    const offer = new Event('beforeinstallprompt', { cancelable: true });
    dispatchEvent(Object.assign(offer, { prompt: async () => (document.title = 'asked') }));
  });
  await button.click();
  await expect(page).toHaveTitle('asked');
  await expect(button).toHaveCount(0);
});
