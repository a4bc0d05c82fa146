/** The page on the pretended engine in use: the keyboard, the camera, and what of it is released. */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium, expect, test } from '@playwright/test';
import { filmOf } from '../../lib/camera';
import { CHROMIUM } from '../../lib/chromium.mjs';
import { PASSPHRASE, unlock } from '../../lib/fake-page';
import { serve, type Served } from '../../lib/serve';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

let served: Served;

test.beforeAll(async () => {
  served = await serve(here('../../../www/dist-fake'));
});

test.afterAll(() => served.stop());

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
  await expect(page.getByTestId('preview')).toBeVisible({ timeout: 30_000 });
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
