// Builds dist/: the library, its two workers and the wasm beside them. Wants generated/ from `cargo xtask build`.

import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const at = (...parts) => join(root, ...parts);
const dist = at('dist');

for (const [crate, file] of [['engine', 'engine_bg.wasm'], ['page', 'page_bg.wasm']]) {
  if (!existsSync(at('generated', crate, file))) {
    console.error(`pkg/generated/${crate}/${file} is missing: run \`cargo xtask build\`, which makes it and then calls this script.`);
    process.exit(1);
  }
}

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist);
// Bundled, so that the generated glue stays private; the source maps go along, so that stack traces can be read.
await build({
  absWorkingDir: root,
  entryPoints: ['src/index.ts', 'src/engine.worker.ts', 'src/kdf.worker.ts'],
  outdir: dist,
  bundle: true,
  format: 'esm',
  target: 'es2022',
  minify: true,
  sourcemap: true,
  sourcesContent: false,
  legalComments: 'none',
  logLevel: 'warning',
});
cpSync(at('generated/engine/engine_bg.wasm'), join(dist, 'engine_bg.wasm'));
cpSync(at('generated/page/page_bg.wasm'), join(dist, 'page_bg.wasm'));
execFileSync(process.execPath, [at('node_modules/typescript/bin/tsc'), '--emitDeclarationOnly', '--noCheck'], { cwd: root, stdio: 'inherit' });
execFileSync(process.execPath, [at('node_modules/publint/src/cli.js'), '--strict'], { cwd: root, stdio: 'inherit' });
