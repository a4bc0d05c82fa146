// The package in workers: one that the app has already, and the service worker of an extension (no import(), no Worker).

import assert from 'node:assert/strict';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';
import { chromium } from 'playwright-core';
import * as vite from 'vite';
import { CHROMIUM, launch } from '../browser/site.ts';
import { Consumer, served, tryWallet } from './consumer.ts';

let consumer: Consumer;
beforeAll(() => {
  consumer = new Consumer();
});
afterAll(() => consumer.remove());

/** A worker that runs the scripts it is sent, where `amplet` is in scope. */
const WORKER = `import * as amplet from 'amplet/worker';
globalThis.amplet = amplet;
onmessage = async ({ data: [id, script] }) => {
  try { postMessage([id, await (0, eval)(script)]); } catch (error) { postMessage([id, null, String(error)]); }
};
postMessage(['ready']);`;

const PAGE = `let worker;
const waiting = new Map();
globalThis.restart = () => new Promise((ready) => {
  worker?.terminate();
  worker = new Worker(new URL('./own.worker.js', import.meta.url), { type: 'module' });
  worker.onmessage = ({ data: [id, value, error] }) => {
    if (id === 'ready') return ready();
    const { resolve, reject } = waiting.get(id);
    error === undefined ? resolve(value) : reject(new Error(error));
  };
});
globalThis.inWorker = (script) => new Promise((resolve, reject) => {
  const id = crypto.randomUUID();
  waiting.set(id, { resolve, reject });
  worker.postMessage([id, script]);
});`;

test("in a worker of the app's it holds a wallet; a page that imports it is told", async () => {
  consumer.write('own.worker.js', WORKER);
  consumer.write('main.js', `${PAGE}\nglobalThis.asPage = import('amplet/worker');`);
  await vite.build({ root: consumer.folder, logLevel: 'error', worker: { format: 'es' } });
  const browser = await launch();
  try {
    await served(
      join(consumer.folder, 'dist'),
      async (url) => {
        const page = await browser.newPage();
        await page.goto(url);
        await page.waitForFunction(() => 'restart' in globalThis);
        const restart = () => page.evaluate('restart()');
        await restart();
        await tryWallet((script) => page.evaluate(`inWorker(${JSON.stringify(script)})`), restart);
        const told = await page.evaluate(
          "asPage.then(({ Wallet }) => Wallet.exists('main')).catch(({ code, message }) => code + message)",
        );
        assert.match(String(told), /^notAllowedHere.*import `amplet`/);
      },
      { 'script-src': "'self' 'wasm-unsafe-eval' 'unsafe-eval'" }, // for the scripts of the test
    );
  } finally {
    await browser.close();
  }
});

test('in the service worker of an extension it holds a wallet', async () => {
  const extension = join(consumer.folder, 'extension');
  mkdirSync(extension);
  cpSync(join(consumer.folder, 'node_modules/amplet/dist'), join(extension, 'amplet'), { recursive: true });
  writeFileSync(
    join(extension, 'manifest.json'),
    JSON.stringify({
      manifest_version: 3,
      name: 'consumer',
      version: '1',
      background: { service_worker: 'service-worker.js', type: 'module' },
      content_security_policy: { extension_pages: "script-src 'self' 'wasm-unsafe-eval'" },
    }),
  );
  writeFileSync(
    join(extension, 'service-worker.js'),
    'import * as amplet from "./amplet/worker.js";\nglobalThis.amplet = amplet;\n',
  );
  const context = await chromium.launchPersistentContext('', {
    ...CHROMIUM,
    headless: true,
    args: [...CHROMIUM.args, `--disable-extensions-except=${extension}`, `--load-extension=${extension}`],
  });
  try {
    const worker = context.serviceWorkers()[0] ?? (await context.waitForEvent('serviceworker'));
    await tryWallet((script) => worker.evaluate(script));
  } finally {
    await context.close();
  }
});
