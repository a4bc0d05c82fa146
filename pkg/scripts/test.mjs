// Runs a test suite: `unit` (Node), `browser` (Chromium), `node` (amplet/node, on regtest) or `package` (as a user installs it).

import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const suite = process.argv[2];
if (!['unit', 'browser', 'node', 'package'].includes(suite)) {
  console.error('usage: node scripts/test.mjs unit | browser | node | package');
  process.exit(2);
}
const tests = readdirSync(join(root, 'test', suite)).filter((file) => file.endsWith('.test.ts'));
const out = join(root, 'node_modules/.amplet-test', suite);
rmSync(out, { recursive: true, force: true });
await build({
  absWorkingDir: root,
  entryPoints: tests.map((file) => join('test', suite, file)),
  outdir: out,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  packages: 'external',
  format: 'esm',
  target: 'node20',
  sourcemap: 'inline',
  logLevel: 'warning',
});
const files = tests.map((file) => join(out, file.replace(/\.ts$/, '.mjs')));
const { status } = spawnSync(process.execPath, ['--enable-source-maps', '--test', '--test-concurrency=1', ...files], {
  cwd: root,
  stdio: 'inherit',
});
process.exit(status ?? 1);
