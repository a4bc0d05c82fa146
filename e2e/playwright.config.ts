import { defineConfig } from '@playwright/test';
import { CHROMIUM } from './lib/chromium.mjs';

export default defineConfig({
  testDir: './specs',
  outputDir: './test-results',
  workers: 2,
  retries: 0,
  timeout: 120_000,
  expect: { timeout: 15_000 },
  reporter: [['list']],
  use: { headless: true, locale: 'en-GB', launchOptions: CHROMIUM },
  projects: [
    { name: 'states', testMatch: 'states/*.spec.ts', fullyParallel: true },
    // One after the other: they share a network, and one of them ends its gateways.
    { name: 'flows', testMatch: 'flows/*.spec.ts', workers: 1 },
    // By itself, with `npm run test:firefox`: what it needs, the other tests do not.
    { name: 'firefox', testMatch: 'firefox/*.spec.ts', workers: 1 },
    // After the flows, whose gateways come and go. Browser, engine and network share the machine: on a loaded one that takes its time.
    {
      name: 'extension',
      testMatch: 'extension/*.spec.ts',
      workers: 1,
      dependencies: ['flows'],
      timeout: 300_000,
      expect: { timeout: 60_000 },
    },
  ],
});
