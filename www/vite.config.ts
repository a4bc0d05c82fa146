import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { messages } from 'amplet-ui/build/messages.mjs';
import { defineConfig } from 'vite';
import { contentSecurityPolicy } from './build/csp.ts';
import { serviceWorker } from './build/service-worker.ts';
import packageJson from './package.json' with { type: 'json' };

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig(({ mode }) => ({
  base: './',
  plugins: [messages(), svelte(), contentSecurityPolicy(), serviceWorker({ entry: here('src/sw.ts') })],
  // The one place where the pretended engine can get in: `--mode fake`, for design work and for axe on every state.
  resolve: mode === 'fake' ? { alias: { amplet: here('src/dev/fake.ts') } } : {},
  define: { __VERSION__: JSON.stringify(packageJson.version) },
  build: { target: 'es2022', sourcemap: false, modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
  worker: { format: 'es' },
}));
