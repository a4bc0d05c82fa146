// One runner for five suites: `unit` and `fuzz` (Node.js alone), `browser` (Chromium), `package` (as a user installs it) and `node`
// (amplet/node, on regtest). The last three want `dist/`, share a browser or a network, and so run one file after the other.

import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const suite = (name: string, testTimeout: number) => ({
  test: {
    name,
    include: [`test/${name}/*.test.ts`],
    testTimeout,
    hookTimeout: testTimeout,
    fileParallelism: name === 'unit' || name === 'fuzz',
    // What is shipped is loaded as it is, by Node.js itself.
    server: { deps: { external: [/\/(dist|generated)\//] } },
  },
  // What runs in Node.js here stands for a page: `#platform` would be Node's otherwise.
  resolve: { alias: { '#platform': fileURLToPath(new URL('src/platform/web.ts', import.meta.url)) } },
});

export default defineConfig({
  test: {
    projects: [
      suite('unit', 20_000),
      suite('fuzz', 60_000),
      suite('browser', 120_000),
      suite('package', 300_000),
      suite('node', 600_000),
    ],
  },
});
