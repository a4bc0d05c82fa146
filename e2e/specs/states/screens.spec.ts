/** Every screen on the pretended engine, light and dark, narrow and wide: axe-core, no sideways scrolling, a picture. */

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium, expect, test, type Page } from '@playwright/test';
import { expectAccessible } from '../../lib/axe';
import { filmOf } from '../../lib/camera';
import { CHROMIUM } from '../../lib/chromium.mjs';
import { BACKUP_PLACES } from '../../lib/backup-places';
import { LINK_PLACES } from '../../lib/link-places';
import { MONEY_PLACES } from '../../lib/money-places';
import { PASSPHRASE, PLACES, unlock } from '../../lib/places';
import { serve, type Served } from '../../lib/serve';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const PICTURES = here('../../screenshots');

const SIZES = [
  { name: '360', width: 360, height: 740 },
  { name: '1280', width: 1280, height: 860 },
] as const;

let served: Served;

test.beforeAll(async () => {
  mkdirSync(PICTURES, { recursive: true });
  served = await serve(here('../../../www/dist-fake'));
});

test.afterAll(() => served.stop());

/** As a gateway says whether it keeps backups; in the scenario `noBackup` it does not. */
async function offerBackup(page: Page): Promise<void> {
  await page.route('**/vss/v1/info', (route) =>
    page.url().includes('noBackup') ? route.fulfill({ status: 404 }) : route.fulfill({ json: { takesNew: true } }),
  );
}

for (const place of [...PLACES, ...MONEY_PLACES, ...BACKUP_PLACES, ...LINK_PLACES]) {
  test(place.name, async ({ browser }) => {
    for (const size of SIZES) {
      const context = await browser.newContext({ viewport: size, reducedMotion: 'reduce', locale: 'en-GB' });
      const page = await context.newPage();
      const broken: string[] = [];
      page.on('pageerror', (error) => broken.push(error.message));
      page.on('console', (message) => {
        if (message.type() === 'error' && !message.text().includes('404')) broken.push(message.text());
      });
      await offerBackup(page);
      await page.goto(`${served.url}?scenario=${place.scenario}`);
      await expect(page.locator('main h1')).toBeAttached();
      await place.go(page);
      // As high as its content: nothing lies under the navigation by the chance of where it is scrolled to.
      const height = await page.evaluate(() => document.documentElement.scrollHeight);
      await page.setViewportSize({ width: size.width, height: Math.max(size.height, height) });
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        const where = `${place.name} ${size.name} ${colorScheme}`;
        await page.screenshot({
          path: `${PICTURES}/${place.name}-${size.name}-${colorScheme}.png`,
          fullPage: true,
          animations: 'disabled',
        });
        await expectAccessible(page, where);
        expect.soft(await page.locator('body').innerText(), `${where}: the engine's words`).not.toContain('⚙');
        const overflow = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        expect.soft(overflow, `${where}: sideways scrolling`).toBeLessThanOrEqual(0);
      }
      expect.soft(broken, place.name).toEqual([]);
      await context.close();
    }
  });
}

test('German fits as well', async ({ browser }) => {
  const context = await browser.newContext({
    viewport: { width: 360, height: 740 },
    reducedMotion: 'reduce',
    locale: 'en-GB',
  });
  const page = await context.newPage();
  await page.goto(`${served.url}?scenario=full`);
  await unlock(page);
  await page.evaluate(() => (location.hash = '#/settings'));
  await page.getByLabel('Language').selectOption({ label: 'Deutsch' });
  await expect(page.locator('html')).toHaveAttribute('lang', 'de');
  for (const hash of [
    'home',
    'receive',
    'receive/savings',
    'pay',
    'history',
    'channels',
    'channels/open',
    'channels/request',
    'budgets',
    'settings',
  ]) {
    await page.evaluate((target) => (location.hash = `#/${target}`), hash);
    await expect(page.locator('main h1')).toBeAttached();
    await page.waitForTimeout(200);
    await page.screenshot({ path: `${PICTURES}/de-${hash.replace('/', '-')}-360-light.png`, fullPage: true });
    const overflow = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    expect.soft(overflow, `${hash}: sideways scrolling`).toBeLessThanOrEqual(0);
  }
  await page.getByRole('button', { name: 'Sperren' }).click();
  await expect(page.getByRole('heading', { name: 'Willkommen zurück' })).toBeVisible();
  await expectAccessible(page, 'unlock in German');
  await context.close();
});

for (const [tag, label] of [
  ['en', 'English'],
  ['de', 'Deutsch'],
] as const) {
  test(`copies say what they are, and what helps, in ${label}`, async ({ browser }) => {
    const said = JSON.parse(readFileSync(here(`../../../ui/messages/${tag}.json`), 'utf8')) as Record<string, string>;
    const text = (key: string) => said[key] ?? `no message ${key}`;
    for (const scenario of ['oldCopy', 'otherInstallation']) {
      const context = await browser.newContext({ locale: 'en-GB' });
      const page = await context.newPage();
      await page.goto(`${served.url}?scenario=${scenario}`);
      await unlock(page);
      await page.evaluate(() => (location.hash = '#/settings'));
      await page.getByLabel('Language').selectOption({ label });
      await page.evaluate(() => (location.hash = '#/home'));
      await expect(page.getByText(text(`warning_${scenario}`), { exact: true })).toBeVisible();
      await expect(page.getByText(text(`warning_${scenario}_text`), { exact: true })).toBeVisible();
      // Before the money.
      const [notice, money] = await Promise.all(
        [page.getByText(text(`warning_${scenario}`), { exact: true }), page.getByTestId('everyday')].map((it) =>
          it.boundingBox(),
        ),
      );
      expect(notice?.y).toBeLessThan(money?.y ?? 0);
      // What is on-chain can be used, and the words can be had.
      await expect(page.getByTestId('savings')).toBeVisible();
      await page.evaluate(() => (location.hash = '#/settings'));
      await expect(page.getByRole('button', { name: text('words_show') })).toBeEnabled();
      await context.close();
    }
  });
}

test('works by keyboard alone', async ({ page }) => {
  await page.goto(`${served.url}?scenario=full`);
  const passphrase = page.getByLabel('Passphrase', { exact: true });
  for (
    let presses = 0;
    presses < 10 && !(await passphrase.evaluate((field) => field === document.activeElement));
    presses += 1
  ) {
    await page.keyboard.press('Tab');
  }
  await page.keyboard.type(PASSPHRASE);
  await page.keyboard.press('Enter');
  await expect(page.getByTestId('everyday')).toBeVisible();
  await expect(page.getByRole('heading', { level: 1 })).toBeFocused();
  await page.evaluate(() => (location.hash = '#/channels/open'));
  await expect(page.getByRole('dialog')).toBeVisible();
  await page.getByLabel('Amount', { exact: true }).focus();
  await page.keyboard.type('500000');
  await page.keyboard.press('Enter');
  await expect(page.getByTestId('fee')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toBeHidden();
});

test('reads a code from the camera', async ({}, info) => {
  const film = info.outputPath('code.y4m');
  writeFileSync(film, filmOf('lnbcrt1any'));
  const args = [
    ...CHROMIUM.args,
    '--use-fake-ui-for-media-stream',
    '--use-fake-device-for-media-stream',
    `--use-file-for-fake-video-capture=${film}`,
  ];
  const browser = await chromium.launch({ ...CHROMIUM, args });
  const page = await browser.newPage({ locale: 'en-GB' });
  await page.goto(`${served.url}?scenario=full`);
  await unlock(page);
  await page.evaluate(() => (location.hash = '#/pay'));
  await page.getByRole('button', { name: 'Scan' }).click();
  await expect(page.getByTestId('preview')).toBeVisible();
  await expect(page.getByLabel('Amount (you choose)')).toBeVisible();
  await browser.close();
});

test('the released page has no pretended engine, and its policy forbids foreign code', () => {
  const dist = here('../../../www/dist');
  const files = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(js|html)$/.test(name));
  expect(files.length).toBeGreaterThan(5);
  const texts = files.map((name) => readFileSync(`${dist}/${name}`, 'utf8'));
  expect(texts.filter((text) => text.includes('pretended engine'))).toEqual([]);
  // The search finds it where it is.
  const pretended = here('../../../www/dist-fake/assets');
  expect(
    readdirSync(pretended).some(
      (name) => name.endsWith('.js') && readFileSync(`${pretended}/${name}`, 'utf8').includes('pretended engine'),
    ),
  ).toBe(true);
  const html = readFileSync(`${dist}/index.html`, 'utf8').replaceAll('&#39;', "'");
  expect(html).toContain("script-src 'self' 'wasm-unsafe-eval';");
  expect(html).not.toMatch(/<script(?![^>]*\ssrc=)/);
});
