import { defineConfig } from '@playwright/test';
import { CHROMIUM } from '../lib/chromium.mjs';

/** The extension's benchmark (`cargo xtask bench`): figures, no verdict. */
export default defineConfig({
  testDir: '.',
  testMatch: '*.bench.ts',
  outputDir: '../test-results',
  workers: 1,
  timeout: 900_000,
  expect: { timeout: 60_000 },
  reporter: [['line']],
  use: { headless: true, locale: 'en-GB', launchOptions: CHROMIUM },
});
