import { defineConfig } from '@playwright/test';
import { CHROMIUM } from './lib/chromium.mjs';
import { NETWORKS } from './lib/network.mjs';

export default defineConfig({
  testDir: './specs',
  outputDir: './test-results',
  // Each worker has a network of its own: one of the flows ends its gateways.
  workers: NETWORKS,
  retries: 0,
  // Ends what hangs, and judges nothing: two browsers, their networks and what CI compiles share two processors.
  timeout: 300_000,
  expect: { timeout: 60_000 },
  reporter: [['list']],
  use: { headless: true, locale: 'en-GB', launchOptions: CHROMIUM },
  projects: [
    { name: 'states', testMatch: 'states/*.spec.ts', fullyParallel: true },
    // The page on its own engine, with no network to speak of.
    { name: 'alone', testMatch: 'alone/*.spec.ts', fullyParallel: true },
    { name: 'flows', testMatch: 'flows/*.spec.ts', timeout: 600_000, expect: { timeout: 180_000 } },
    // By itself, with `npm run test:firefox`: what it needs, the other tests do not.
    { name: 'firefox', testMatch: 'firefox/*.spec.ts' },
    { name: 'extension', testMatch: 'extension/*.spec.ts', timeout: 600_000, expect: { timeout: 180_000 } },
  ],
});
