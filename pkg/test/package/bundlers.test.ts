// The package in pages, as bundlers make them: Vite, webpack, and one script; with the wasm from elsewhere.

import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';
import { build as esbuild } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import * as vite from 'vite';
import webpack from 'webpack';
import { launch, visit } from '../browser/site.ts';
import { Consumer, served, tryPage, tryWallet } from './consumer.ts';

let consumer: Consumer;
let browser: Browser;

beforeAll(async () => {
  consumer = new Consumer();
  consumer.write('main.js', 'import * as amplet from "amplet";\nglobalThis.amplet = amplet;\n');
  browser = await launch();
});
afterAll(async () => {
  await browser.close();
  consumer.remove();
});

/** An empty folder for what is built, with a page that loads `main.js`. */
function fresh(name: string): string {
  const folder = join(consumer.folder, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  cpSync(join(consumer.folder, 'index.html'), join(folder, 'index.html'));
  return folder;
}

/** A page of a profile of its own at the address. */
async function opened(url: string, work: (page: Page) => Promise<void>): Promise<void> {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    await visit(page, url);
    await work(page);
  } finally {
    await context.close();
  }
}

async function packed(entry: string, output: string): Promise<string[]> {
  const stats = await new Promise<webpack.Stats | undefined>((done, failed) =>
    webpack(
      {
        mode: 'production',
        context: consumer.folder,
        entry,
        output: { path: output, filename: 'main.js' },
        performance: false,
      },
      (error, result) => (error ? failed(error) : done(result)),
    ),
  );
  assert.ok(stats && !stats.hasErrors() && !stats.hasWarnings(), stats?.toString());
  return readdirSync(output);
}

test('built by Vite and served with a strict policy, it holds a wallet', async () => {
  await vite.build({ root: consumer.folder, logLevel: 'error' });
  const assets = readdirSync(join(consumer.folder, 'dist/assets'));
  for (const [kind, expected] of [
    ['engine_bg', 1],
    ['page_bg', 1],
    ['words_bg', 1],
    ['engine.worker', 1],
    ['kdf.worker', 1],
  ] as const) {
    assert.equal(assets.filter((file) => file.startsWith(kind)).length, expected, `${kind} in ${assets.join(' ')}`);
  }
  await served(join(consumer.folder, 'dist'), (url) => opened(url, tryPage));
});

test("on Vite's development server it holds a wallet", async () => {
  const server = await vite.createServer({
    root: consumer.folder,
    logLevel: 'error',
    server: { port: 0, host: '127.0.0.1' },
  });
  try {
    await server.listen();
    await opened(server.resolvedUrls?.local[0] ?? '', tryPage);
  } finally {
    await server.close();
  }
});

test('built by webpack and served with a strict policy, it holds a wallet', async () => {
  const output = fresh('webpack');
  const files = await packed('./main.js', output);
  assert.equal(files.filter((file) => file.endsWith('.wasm')).length, 3, files.join(' '));
  await served(output, (url) => opened(url, tryPage));
});

test('in one script, with its wasm and workers in it, it holds a wallet', async () => {
  const output = fresh('inline');
  await esbuild({
    stdin: {
      contents: 'import * as amplet from "amplet/inline";\nglobalThis.amplet = amplet;\n',
      resolveDir: consumer.folder,
    },
    bundle: true,
    format: 'iife',
    outfile: join(output, 'main.js'),
    logLevel: 'warning',
  });
  assert.deepEqual(readdirSync(output).sort(), ['index.html', 'main.js']);
  await served(output, (url) => opened(url, tryPage), { 'worker-src': 'blob:' });
});

for (const [how, source] of [
  ['an address', "new URL('/moved/engine.wasm', location.href)"],
  ['an answer', "fetch('/moved/engine.wasm')"],
  ['bytes', "await (await fetch('/moved/engine.wasm')).arrayBuffer()"],
  ['a compiled module', "await WebAssembly.compileStreaming(fetch('/moved/engine.wasm'))"],
] as const) {
  test(`the engine can come from elsewhere: ${how}`, async () => {
    const output = fresh('moved');
    await packed('./main.js', output);
    mkdirSync(join(output, 'moved'));
    for (const file of readdirSync(output).filter((name) => name.endsWith('.wasm'))) {
      const large = readFileSync(join(output, file)).length > 1_000_000;
      if (large) cpSync(join(output, file), join(output, 'moved/engine.wasm'));
      if (large) rmSync(join(output, file));
    }
    const given = `(async () => { await amplet.init({ wasm: ${source} }); await amplet.init({ wasm: 'nowhere' }); })()`;
    await served(output, (url) =>
      opened(url, async (page) => {
        await page.evaluate(given);
        await tryWallet((script) => page.evaluate(script));
      }),
    );
  });
}

test('a wrong source is refused, and another can be given', async () => {
  const output = fresh('wrong');
  await packed('./main.js', output);
  await served(output, (url) =>
    opened(url, async (page) => {
      const refused = await page.evaluate(`(async () => {
        const refuse = (wasm) => amplet.init({ wasm }).then(() => 'taken', ({ code }) => code);
        return [await refuse(5), await refuse(fetch('/missing.wasm')), await amplet.init(), await amplet.init()];
      })()`);
      assert.deepEqual(
        refused,
        ['invalidInput', 'invalidInput', undefined, undefined].map((value) => value ?? undefined),
      );
    }),
  );
});
