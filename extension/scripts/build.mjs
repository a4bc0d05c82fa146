// Builds dist/chrome and dist/firefox from one source. Wants pkg/dist from `cargo xtask build`.

import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { messages } from 'amplet-ui/build/messages.mjs';
import { build, runnerImport } from 'vite';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const at = (...parts) => join(root, ...parts);
const ui = (...parts) => at('../ui', ...parts);
const { version } = JSON.parse(readFileSync(at('package.json'), 'utf8'));

/** Files that only one of the two browsers has a use for. */
const ONLY = { chrome: ['offscreen.html', 'background.js'], firefox: ['background.html'] };

const common = {
  root,
  configFile: false,
  logLevel: 'warn',
  define: { __VERSION__: JSON.stringify(version) },
  publicDir: false,
};

/** The wallet's windows, the wallet host and the service worker. */
function pages(outDir) {
  const input = ['popup', 'panel', 'approve', 'options', 'offscreen', 'background'].map((name) => at(`${name}.html`));
  return build({
    ...common,
    base: './',
    plugins: [messages(), svelte({ configFile: false })],
    resolve: { dedupe: ['svelte'] },
    worker: { format: 'es' },
    build: {
      outDir,
      target: 'es2022',
      modulePreload: false,
      assetsInlineLimit: 0,
      rolldownOptions: {
        input: [...input, at('src/background/service-worker.ts')],
        output: {
          entryFileNames: ({ facadeModuleId }) =>
            facadeModuleId === at('src/background/service-worker.ts') ? 'background.js' : 'assets/[name]-[hash].js',
        },
      },
    },
  });
}

/** A script for pages of sites: one file, nothing loaded later. */
function script(name, outDir) {
  return build({
    ...common,
    build: {
      outDir,
      emptyOutDir: false,
      target: 'es2022',
      rolldownOptions: {
        input: at('src', name, `${name}.ts`),
        output: { format: 'iife', entryFileNames: `${name}.js` },
      },
    },
  });
}

/** Writes the texts of the manifest, which the browser itself shows, from the same catalogue. */
function locales(outDir) {
  for (const file of readdirSync(ui('messages'))) {
    const texts = JSON.parse(readFileSync(ui('messages', file), 'utf8'));
    const wanted = ['name', 'description'].map((key) => [key, { message: texts[key] }]);
    const folder = join(outDir, '_locales', file.replace('.json', ''));
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'messages.json'), JSON.stringify(Object.fromEntries(wanted), null, 2));
  }
}

if (!existsSync(at('../pkg/dist/engine_bg.wasm'))) {
  console.error('pkg/dist is missing: run `cargo xtask build`, which makes it and then calls this script.');
  process.exit(1);
}
const both = at('dist', 'both');
rmSync(at('dist'), { recursive: true, force: true });
await pages(both);
for (const name of ['content', 'inpage']) await script(name, both);
locales(both);
cpSync(at('../www/public/icons'), join(both, 'icons'), { recursive: true });
const { module } = await runnerImport(at('src/manifest.ts'), { configFile: false });
for (const browser of ['chrome', 'firefox']) {
  const folder = at('dist', browser);
  cpSync(both, folder, { recursive: true });
  for (const [other, files] of Object.entries(ONLY)) {
    if (other !== browser) for (const file of files) rmSync(join(folder, file));
  }
  writeFileSync(join(folder, 'manifest.json'), `${JSON.stringify(module.manifest(browser, version), null, 2)}\n`);
}
rmSync(both, { recursive: true });
