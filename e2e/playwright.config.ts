import { defineConfig } from '@playwright/test';
import { CHROMIUM } from './lib/chromium.mjs';

export default defineConfig({
  testDir: './specs',
  outputDir: './test-results',
  fullyParallel: false,
  workers: 1,
  retries: 0,
  timeout: 120_000,
  expect: { timeout: 15_000 },
  reporter: [['list']],
  use: {
    headless: true,
    locale: 'en-GB',
    launchOptions: CHROMIUM,
  },
  projects: [
    { name: 'states', testMatch: 'states/*.spec.ts' },
    { name: 'flows', testMatch: 'flows/*.spec.ts' },
  ],
});
