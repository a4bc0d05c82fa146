// The built packages: what a browser's store would refuse, and the sizes that were promised.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { deflateRawSync } from 'node:zlib';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = (...parts) => join(root, 'dist', ...parts);
const BROWSERS = ['chrome', 'firefox'];

const files = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

test('what runs on every page is small', () => {
  for (const browser of BROWSERS) {
    assert.ok(statSync(dist(browser, 'content.js')).size < 5_000, 'content.js is under 5 kB');
    assert.ok(statSync(dist(browser, 'inpage.js')).size < 15_000, 'inpage.js is under 15 kB');
  }
});

test('a package takes at most 3 MB', () => {
  for (const browser of BROWSERS) {
    // A zip file's entries, each compressed on its own; 200 bytes are more than an entry's two headers take.
    const sizes = files(dist(browser)).map((file) => deflateRawSync(readFileSync(file), { level: 9 }).length + 200);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    assert.ok(total <= 3_000_000, `${browser}: ${total} bytes`);
  }
});

test('each browser gets its own background and no other', () => {
  const manifest = (browser) => JSON.parse(readFileSync(dist(browser, 'manifest.json'), 'utf8'));
  const names = (browser) => readdirSync(dist(browser));
  assert.deepEqual(manifest('chrome').background, { service_worker: 'background.js', type: 'module' });
  assert.equal(manifest('chrome').message_serialization, 'structured_clone');
  assert.deepEqual(manifest('firefox').background, { page: 'background.html' });
  assert.ok(!names('firefox').includes('offscreen.html') && !names('chrome').includes('background.html'));
  for (const browser of BROWSERS) {
    const policy = manifest(browser).content_security_policy.extension_pages;
    assert.match(policy, /script-src 'self' 'wasm-unsafe-eval';/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /upgrade-insecure-requests|unsafe-inline/);
    assert.equal(manifest(browser).web_accessible_resources, undefined, 'pages of sites can load nothing of it');
    assert.equal(manifest(browser).externally_connectable, undefined, 'pages of sites cannot message it');
  }
});

test('both languages have the texts that the browser shows', () => {
  for (const browser of BROWSERS) {
    for (const language of ['en', 'de']) {
      const texts = JSON.parse(readFileSync(dist(browser, '_locales', language, 'messages.json'), 'utf8'));
      assert.ok(
        texts.name.message.length > 0 &&
          texts.description.message.length > 0 &&
          texts.description.message.length <= 132,
      );
    }
  }
});

test('Firefox’ linter finds no error', async () => {
  const lint = join(root, '../node_modules/.bin/web-ext');
  const ran = await promisify(execFile)(
    lint,
    ['lint', '--source-dir', dist('firefox'), '--output', 'json', '--no-config-discovery'],
    { maxBuffer: 32e6, env: { ...process.env, NO_UPDATE_NOTIFIER: '1' } },
  ).catch((failed) => failed);
  const report = JSON.parse(ran.stdout);
  assert.deepEqual(
    report.errors.map(({ code, message, file }) => `${code}: ${message} ${file ?? ''}`),
    [],
  );
  for (const { code, message, file, line } of report.warnings)
    console.log(`warning ${code}: ${message} ${file ?? ''}:${line ?? ''}`);
});
