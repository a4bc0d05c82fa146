import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

// Apart from vite.config.ts: these tests need no catalogue's compiler, which would keep running.
export default defineConfig({ plugins: [svelte({ configFile: false })], test: { include: ['test/**/*.test.ts'] } });
