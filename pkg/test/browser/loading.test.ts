// What is said when a part of the package does not load: the file, the directive, the remedy.

import assert from 'node:assert/strict';
import { afterAll, afterEach, beforeAll, test } from 'vitest';
import type { Browser } from 'playwright-core';
import { Site, launch, tab } from './site.ts';
import type * as Amplet from '../../src/index.ts';

declare global {
  var amplet: typeof Amplet;
}

let site: Site;
let browser: Browser;

beforeAll(async () => {
  site = await Site.start();
  browser = await launch();
});
afterEach(() => {
  site.policy = null;
  site.answers.clear();
});
afterAll(async () => {
  await browser.close();
  await site.stop();
});

/** What opening a wallet, or with `words` making some, says. */
async function said(what: 'open' | 'words' = 'open', shared = true): Promise<string> {
  const context = await browser.newContext();
  if (!shared) await context.addInitScript(() => Reflect.deleteProperty(globalThis, 'SharedWorker'));
  try {
    const page = await tab(context, site);
    return await page.evaluate(async (asked) => {
      const options = {
        name: crypto.randomUUID(),
        network: 'regtest' as const,
        gateways: [],
        passphrase: 'p',
        create: true,
      };
      const done = asked === 'words' ? amplet.generateMnemonic() : amplet.Wallet.open(options);
      return done.then(
        () => 'it worked',
        ({ code, message, cause }: Amplet.WalletError) => `${code}: ${message} (${String(cause)})`,
      );
    }, what);
  } finally {
    await context.close();
  }
}

const CSP = "default-src 'none'; connect-src 'self'; ";
const MISSING = { status: 404, body: '', type: 'text/plain' };
const HTML = { status: 200, body: '<!doctype html><title>the app</title>', type: 'text/html' };

test('with all that it needs it opens, under a policy', async () => {
  site.policy = `${CSP}script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'; worker-src 'self'`;
  assert.equal(await said(), 'it worked');
});

test('a policy without wasm-unsafe-eval', async () => {
  site.policy = `${CSP}script-src 'self' 'unsafe-inline'; worker-src 'self'`;
  for (const what of ['open', 'words'] as const)
    assert.match(await said(what), /^notAllowedHere: .*'wasm-unsafe-eval' to its script-src/);
});

for (const shared of [true, false]) {
  test(`a policy without worker-src, ${shared ? 'shared' : 'alone'}`, async () => {
    site.policy = `${CSP}script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'; worker-src 'none'`;
    assert.match(await said('open', shared), /^notAllowedHere: .*worker-src 'self'/);
  });

  test(`workers that are missing, or a web page, ${shared ? 'shared' : 'alone'}`, async () => {
    for (const script of ['/engine.worker.js', '/kdf.worker.js']) {
      site.answers.set(script, MISSING);
      const missing = await said('open', shared);
      assert.ok(missing.startsWith('internal: ') && missing.includes(`${script} answers 404`), missing);
      site.answers.set(script, HTML);
      const page = await said('open', shared);
      assert.ok(page.includes(`${script} answers with a web page`), page);
      site.answers.clear();
    }
  });
}

test('Trusted Types', async () => {
  site.policy = "require-trusted-types-for 'script'";
  assert.match(await said(), /^notAllowedHere: .*require-trusted-types-for/);
});

test('wasm that is missing, a web page, or something else', async () => {
  for (const [file, what] of [
    ['/words_bg.wasm', 'words'],
    ['/page_bg.wasm', 'open'],
  ] as const) {
    site.answers.set(file, MISSING);
    assert.match(await said(what), new RegExp(`^internal: .*${file} answers 404.*amplet/inline.*\\(\\S`));
    site.answers.set(file, HTML);
    assert.match(await said(what), new RegExp(`${file} answers with a web page`));
    site.answers.set(file, { status: 200, body: 'x', type: 'application/wasm' });
    assert.match(await said(what), new RegExp(`${file} holds no wasm`));
    site.answers.clear();
  }
});
