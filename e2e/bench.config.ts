import { defineConfig } from '@playwright/test';
import { CHROMIUM } from './lib/chromium.mjs';

/** What `cargo xtask bench` runs of the extension: figures, no verdict. */
export default defineConfig({
  testDir: './bench',
  testMatch: '*.bench.ts',
  outputDir: './test-results',
  workers: 1,
  timeout: 900_000,
  expect: { timeout: 60_000 },
  reporter: [['line']],
  use: { headless: true, locale: 'en-GB', launchOptions: CHROMIUM },
});
