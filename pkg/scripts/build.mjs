// Builds dist/: the library, its two workers and the wasm beside them. Wants generated/ from `cargo xtask build`.

import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const at = (...parts) => join(root, ...parts);
const dist = at('dist');

const artifacts = ['engine', 'page', 'words'];
for (const name of artifacts) {
  if (!existsSync(at('generated', name, `${name}_bg.wasm`))) {
    console.error(`pkg/generated/${name}/${name}_bg.wasm is missing: run \`cargo xtask build\`, which makes it and then calls this script.`);
    process.exit(1);
  }
}

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist);
// Bundled, so that the generated glue stays private; the source maps go along, so that stack traces can be read.
const common = {
  absWorkingDir: root,
  outdir: dist,
  bundle: true,
  format: 'esm',
  target: 'es2022',
  minify: true,
  sourcemap: true,
  sourcesContent: false,
  legalComments: 'none',
  logLevel: 'warning',
};
// What a dynamic import asks for is a file of its own.
await build({ ...common, entryPoints: ['src/index.ts', 'src/provider/index.ts'], splitting: true });
await build({ ...common, entryPoints: ['src/engine.worker.ts', 'src/kdf.worker.ts'] });
cpSync(at('src/wasm.d.ts'), join(dist, 'wasm.d.ts'));
for (const name of artifacts) cpSync(at('generated', name, `${name}_bg.wasm`), join(dist, `${name}_bg.wasm`));
execFileSync(process.execPath, [at('node_modules/typescript/bin/tsc'), '--emitDeclarationOnly', '--noCheck'], { cwd: root, stdio: 'inherit' });
execFileSync(process.execPath, [at('node_modules/publint/src/cli.js'), '--strict'], { cwd: root, stdio: 'inherit' });
