// Builds dist/: an entry per place where the package runs, its workers, the wasm beside them and the types. Wants
// generated/ from `cargo xtask build`. Without generated/node (which takes minutes that a page does not need) the entry for
// Node.js is left out, and `npm pack` refuses.

import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const at = (...parts) => join(root, ...parts);
const dist = at('dist');
/** Runs a program of the repository's packages. */
const run = (tool, ...args) => execFileSync(at('../node_modules/.bin', tool), args, { cwd: root, stdio: 'inherit' });
const wasm = (name) => at('generated', name, `${name}_bg.wasm`);

const artifacts = ['engine', 'page', 'words'];
for (const name of artifacts) {
  if (!existsSync(wasm(name))) {
    console.error(
      `pkg/generated/${name}/${name}_bg.wasm is missing: run \`cargo xtask build\`, which makes it and then calls this script.`,
    );
    process.exit(1);
  }
}
const withNode = existsSync(wasm('node'));

rmSync(dist, { recursive: true, force: true });
mkdirSync(join(dist, 'node'), { recursive: true });
// Bundled, so that the generated glue stays private; the source maps go along, with the sources in them, so that stack traces can be
// read where only the package is.
const common = {
  absWorkingDir: root,
  bundle: true,
  format: 'esm',
  target: 'es2022',
  minify: true,
  sourcemap: true,
  sourcesContent: true,
  legalComments: 'none',
  logLevel: 'warning',
};

/** `WalletError` is one class in all entries: a file of its own. */
const oneError = (out) => ({
  name: 'one error',
  setup: ({ onResolve }) =>
    onResolve({ filter: /\/error\.ts$/ }, ({ path, resolveDir }) =>
      resolve(resolveDir, path) === at('src/base/error.ts')
        ? { path: relative(join(dist, dirname(out)), join(dist, 'error.js')).replace(/^(?!\.)/, './'), external: true }
        : undefined,
    ),
});

/**
 * An entry, with its white space: esbuild drops the annotations of pure calls with that, and without them an app's bundler keeps
 * bech32's tables in scripts that never read an invoice.
 */
const bundle = (entry, out, options = {}) =>
  build({
    ...common,
    minify: false,
    minifySyntax: true,
    minifyIdentifiers: true,
    outdir: join(dist, dirname(out)),
    entryNames: out.split('/').at(-1),
    ...options,
    entryPoints: [entry],
    plugins: [...(options.plugins ?? []), oneError(out)],
  });

const workerScripts = ['src/engine/engine.worker.ts', 'src/engine/kdf.worker.ts'];
const workers = await build({ ...common, entryPoints: workerScripts, outdir: dist, write: false });
const packed = (name) => gzipSync(readFileSync(wasm(name)), { level: 9 }).toString('base64');
const script = (name) =>
  workers.outputFiles.find(({ path }) => path.endsWith(name)).text.replace(/\/\/# sourceMappingURL.*\n?$/, '');
const inlined = {
  name: 'inlined',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^amplet:inlined$/ }, ({ path }) => ({ path, namespace: 'inlined' }));
    onLoad({ filter: /.*/, namespace: 'inlined' }, () => ({
      contents: Object.entries({
        engineWorker: script('engine.worker.js'),
        kdfWorker: script('kdf.worker.js'),
        ...Object.fromEntries(artifacts.map((name) => [name, packed(name)])),
      })
        .map(([name, text]) => `export const ${name} = ${JSON.stringify(text)};`)
        .join('\n'),
    }));
  },
};

await build({ ...common, entryPoints: ['src/base/error.ts', ...workerScripts], outdir: dist, entryNames: '[name]' });
// What a dynamic import asks for is a file of its own.
await bundle('src/index.ts', 'index', { splitting: true });
await bundle('src/provider.ts', 'provider');
await bundle('src/server.ts', 'server');
await bundle('src/pay.ts', 'pay');
await bundle('src/testing.ts', 'testing');
// A service worker has no dynamic import.
await bundle('src/worker.ts', 'worker', { conditions: ['worker'] });
await bundle('src/inline.ts', 'inline', { conditions: ['inline'], plugins: [inlined], sourcemap: false });
for (const name of artifacts) cpSync(wasm(name), join(dist, `${name}_bg.wasm`));
if (withNode) {
  // As it was written: Node.js prints the line of an error that nobody caught, and reads no source map unless it is told to.
  const asWritten = { minifySyntax: false, minifyIdentifiers: false };
  const node = { platform: 'node', target: 'node20', inject: ['src/platform/node/globals.ts'], ...asWritten };
  await bundle('src/node.ts', 'node/index', { ...node, conditions: ['node'] });
  await bundle('src/platform/node/kdf.worker.ts', 'node/kdf.node', node);
  cpSync(wasm('node'), join(dist, 'node/node_bg.wasm'));
} else {
  console.warn('pkg/generated/node is missing: dist/ is without amplet/node (`cargo xtask build` makes it).');
}

for (const types of ['wasm.d.ts', 'webln.d.ts']) cpSync(at('src', types), join(dist, types));
// It declares, and does nothing.
writeFileSync(join(dist, 'webln.js'), 'export {};\n');
for (const project of ['tsconfig.json', 'tsconfig.node.json'])
  run('tsc', '--project', project, '--emitDeclarationOnly', '--noCheck');
prune();
if (withNode) run('publint', '--strict');

/**
 * Removes the types that no entry leads to. Bundlers of types would, too, but they lose `export type`: `amplet/node` would promise
 * `loadSettings`, which it has not.
 */
function prune() {
  const { exports } = JSON.parse(readFileSync(at('package.json'), 'utf8'));
  const reached = new Set(Object.values(exports).flatMap((to) => (typeof to === 'object' ? [at(to.types)] : [])));
  for (const file of reached) {
    for (const [, path] of readFileSync(file, 'utf8').matchAll(/(?:from|import\()\s*['"](\.[^'"]+)\.[jt]s['"]/g))
      reached.add(resolve(dirname(file), `${path}.d.ts`));
  }
  for (const file of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
    if (file.endsWith('.d.ts') && !reached.has(join(dist, file))) rmSync(join(dist, file));
  }
}
