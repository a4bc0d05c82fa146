/**
 * The router's evaluation program, its wasm in headless Chromium: JSON lines in, JSON lines out, as node.mjs beside it.
 * `node wasm-tests/router/chromium.mjs MODULE_FOLDER [FILES_FOLDER]`; times are wall clock, a page knows no other.
 */

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { chromium } from '@playwright/test';
import { CHROMIUM } from '../../e2e/lib/chromium.mjs';

const [folder, files = '.'] = process.argv.slice(2);
if (!folder)
  throw new Error(
    'usage: node wasm-tests/router/chromium.mjs MODULE_FOLDER [FILES_FOLDER]; cargo xtask bench makes the module',
  );

const PAGE = `<!doctype html><title>router</title><script type="module">
  import init, { RouterEvaluation } from '/module/router.js';
  await init({ module_or_path: '/module/router_bg.wasm' });
  const read = (path) => {
    const request = new XMLHttpRequest();
    request.open('GET', '/files/' + encodeURIComponent(path), false); // the program reads synchronously
    request.send();
    if (request.status !== 200) throw new Error(path);
    return request.responseText;
  };
  globalThis.router = new RouterEvaluation(read, () => performance.now());
</script>`;

/** @type {[prefix: string, folder: string, type: string | undefined][]} */
const SERVED = [
  ['/module/', folder, undefined],
  ['/files/', files, 'text/plain; charset=utf-8'],
];

/** @param {string} path */
function find(path) {
  if (path === '/') return { type: 'text/html; charset=utf-8', body: Buffer.from(PAGE) };
  for (const [prefix, from, kind] of SERVED) {
    if (path.startsWith(prefix)) {
      const type = kind ?? (path.endsWith('.wasm') ? 'application/wasm' : 'text/javascript; charset=utf-8');
      return { type, body: readFileSync(resolve(from, decodeURIComponent(path.slice(prefix.length)))) };
    }
  }
  throw new Error(`nothing at ${path}`);
}

const server = createServer((request, response) => {
  try {
    const { type, body } = find(request.url ?? '/');
    // Isolated, so that the clock shows microseconds.
    response.writeHead(200, {
      'content-type': type,
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
    });
    response.end(body);
  } catch (error) {
    response.writeHead(404).end(String(error));
  }
});
await new Promise((done) => server.listen(0, '127.0.0.1', () => done(undefined)));
const address = server.address();
if (address === null || typeof address === 'string') throw new Error('no port on 127.0.0.1');

const browser = await chromium.launch(CHROMIUM);
try {
  const page = await browser.newPage();
  page.on('pageerror', (error) => console.error(error.message));
  await page.goto(`http://127.0.0.1:${address.port}/`);
  await page.waitForFunction('globalThis.router !== undefined');
  for await (const line of createInterface({ input: process.stdin })) {
    const answer = await page.evaluate((question) => Reflect.get(globalThis, 'router').answer(question), line);
    process.stdout.write(`${answer}\n`);
  }
} finally {
  await browser.close();
  server.close();
}
