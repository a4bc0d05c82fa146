import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [svelte({ configFile: false })],
  define: { __VERSION__: '"0.0.0"' },
  // The package's sources, as they are: nothing has to be built for these tests.
  resolve: {
    alias: [
      { find: 'amplet/provider', replacement: fileURLToPath(new URL('../pkg/src/provider.ts', import.meta.url)) },
      { find: /^amplet$/, replacement: fileURLToPath(new URL('../pkg/src/index.ts', import.meta.url)) },
      { find: '#platform', replacement: fileURLToPath(new URL('../pkg/src/platform/web.ts', import.meta.url)) },
    ],
  },
  test: { include: ['test/unit/**/*.test.ts'] },
});
