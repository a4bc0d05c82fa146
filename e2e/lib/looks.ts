/** One of the extension's screens as it stands: axe-core and a picture in light and dark, and nothing cut off at 200 % zoom. */

import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, type Page } from '@playwright/test';
import { expectAccessible } from './axe';

const PICTURES = fileURLToPath(new URL('../screenshots/extension', import.meta.url));

/** Sizes of the windows that people see, px. */
export const POPUP = { width: 360, height: 600 };
export const PROMPT = { width: 420, height: 720 };
export const TAB = { width: 1280, height: 860 };

/** Looks at a page of the size that it has. `narrowest`: how narrow it may come to be, by the zoom; by default half as wide. */
export async function expectFine(
  page: Page,
  name: string,
  size: typeof POPUP,
  narrowest = size.width / 2,
): Promise<void> {
  mkdirSync(PICTURES, { recursive: true });
  await page.setViewportSize(size);
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await expect.poll(() => page.evaluate(() => document.getAnimations().length)).toBe(0);
    await page.screenshot({ path: `${PICTURES}/${name}-${colorScheme}.png`, fullPage: true });
    await expectAccessible(page, `${name} ${colorScheme}`);
  }
  await page.setViewportSize({ width: narrowest, height: size.height / 2 });
  await page.screenshot({ path: `${PICTURES}/${name}-zoomed.png`, fullPage: true });
  expect.soft(await page.evaluate(cutOff), `${name}: cut off at 200 %`).toEqual([]);
  await page.setViewportSize(size);
}

/** Lists what is wider than its place. In the page. */
function cutOff(): string[] {
  const { scrollWidth, clientWidth } = document.documentElement;
  const found = scrollWidth > clientWidth ? [`the page: ${scrollWidth} of ${clientWidth} px`] : [];
  for (const element of Array.from(document.querySelectorAll('body *'))) {
    if (
      !(element instanceof HTMLElement) ||
      element.closest('.visually-hidden') ||
      element.matches('input, textarea, select')
    )
      continue;
    const { overflowX, clipPath } = getComputedStyle(element);
    // For those who listen alone.
    if (clipPath === 'inset(50%)') continue;
    const hides = ['hidden', 'clip'].includes(overflowX);
    if (hides && element.scrollWidth > element.clientWidth + 1)
      found.push(`${element.tagName} ${element.textContent?.trim().slice(0, 40) ?? ''}`);
  }
  return found;
}

/** The names of what so many presses of the Tab key lead to. */
export async function tabOrder(page: Page, presses: number): Promise<string[]> {
  const names: string[] = [];
  while (names.length < presses) {
    await page.keyboard.press('Tab');
    const name = await page.evaluate(() => {
      const element = document.activeElement;
      const label = element instanceof HTMLInputElement ? element.labels?.[0]?.textContent : undefined;
      return (element?.getAttribute('aria-label') ?? label ?? element?.textContent ?? '').trim();
    });
    names.push(name);
  }
  return names;
}
