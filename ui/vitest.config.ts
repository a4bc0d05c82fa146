import { defineConfig } from 'vitest/config';

// Apart from vite.config.ts: these tests need neither components nor the catalogue's compiler, which would keep running.
export default defineConfig({ test: { include: ['test/**/*.test.ts'] } });
