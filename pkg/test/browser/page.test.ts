// What needs no engine: where a wallet is allowed, mnemonics, settings.

import assert from 'node:assert/strict';
import { afterAll, beforeAll, test } from 'vitest';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { Site, launch, tab } from './site.ts';
import type * as Amplet from '../../src/index.ts';

let site: Site;
let browser: Browser;
let context: BrowserContext;

beforeAll(async () => {
  site = await Site.start();
  browser = await launch();
  context = await browser.newContext();
});
afterAll(async () => {
  await browser.close();
  await site.stop();
});

const exists = (page: Page): Promise<string> =>
  page.evaluate(() =>
    amplet.Wallet.exists('main').then(String, ({ code, message }: Amplet.WalletError) => `${code}: ${message}`),
  );

async function framed(page: Page, src: string, attributes = ''): Promise<string> {
  await page.evaluate(([url, more]) => (document.body.innerHTML = `<iframe src="${url}" ${more}></iframe>`), [
    src,
    attributes,
  ] as const);
  const frame = await (await page.waitForSelector('iframe')).contentFrame();
  assert.ok(frame);
  await frame.waitForFunction(() => 'amplet' in globalThis);
  return frame.evaluate(() =>
    amplet.Wallet.exists('main').then(String, ({ code, message }: Amplet.WalletError) => `${code}: ${message}`),
  );
}

test('an insecure context is told why there is no wallet', async () => {
  assert.match(await exists(await tab(context, site, 'insecure.test')), /^notAllowedHere: .*https/);
});

test('a frame of another site cannot hold a wallet, one of this site can', async () => {
  const page = await tab(context, site);
  assert.match(await framed(page, site.url('other.localhost')), /^notAllowedHere: .*tab of its own/);
  assert.equal(await framed(page, site.url()), 'false');
});

test('a sandboxed frame cannot hold a wallet', async () => {
  const page = await tab(context, site);
  await page.route('**/*.js', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, headers: { ...response.headers(), 'access-control-allow-origin': '*' } });
  });
  assert.match(await framed(page, site.url(), 'sandbox="allow-scripts"'), /^notAllowedHere: /);
});

test('mnemonics are made and checked', async () => {
  const page = await tab(context, site);
  const [twelve, long, wrong, words, refused] = await page.evaluate(async () => {
    const made = await amplet.generateMnemonic();
    const bad = made.split(' ').with(6, 'abandn').join('  ');
    return [
      await amplet.checkMnemonic(` ${made.toUpperCase()} `),
      await amplet.checkMnemonic(await amplet.generateMnemonic(24)),
      await amplet.checkMnemonic(bad),
      await amplet.suggestWords('zo'),
      await amplet.generateMnemonic(13 as never).catch(({ code }: Amplet.WalletError) => code),
    ] as const;
  });
  assert.equal(twelve.problem, null);
  assert.equal(long.problem, null);
  assert.deepEqual(wrong.problem, { kind: 'unknownWord', position: 7, word: 'abandn', suggestions: ['abandon'] });
  assert.match(wrong.message, /word 7/);
  assert.deepEqual(words, ['zone', 'zoo']);
  assert.equal(refused, 'invalidInput');
});

test('settings are kept, checked, and damage is told', async () => {
  const page = await tab(context, site);
  const address = `02${'ab'.repeat(32)}@wss://gateway.example`;
  const result = await page.evaluate(async (gateway) => {
    const before = await amplet.loadSettings();
    const settings: Amplet.Settings = {
      network: 'signet',
      gateways: [{ address: gateway, trustZeroConf: true }],
      chainSources: ['https://blocks.example'],
      unit: 'btc',
      language: null,
      autoLockMinutes: 5,
    };
    await amplet.saveSettings(settings);
    const kept = await amplet.loadSettings();
    const refuse = (change: object) =>
      amplet.saveSettings({ ...settings, ...change }).then(
        () => 'saved',
        ({ code }: Amplet.WalletError) => code,
      );
    const refused = await Promise.all([
      refuse({ network: 'dogecoin' }),
      refuse({ chainSources: ['x'] }),
      refuse({ autoLockMinutes: -1 }),
    ]);
    localStorage.setItem('amplet/settings', '{"version":1,"settings":{}}');
    const damaged = await amplet.loadSettings();
    localStorage.setItem('amplet/settings', '{"version":9}');
    const newer = await amplet.loadSettings();
    return { before, settings, kept, refused, damaged: damaged.problem?.code, newer: newer.problem?.code };
  }, address);
  assert.deepEqual(result.before, { settings: null, problem: null });
  assert.deepEqual(result.kept, { settings: result.settings, problem: null });
  assert.deepEqual(
    result.refused,
    Array.from({ length: 3 }, () => 'invalidInput'),
  );
  assert.deepEqual([result.damaged, result.newer], ['corrupt', 'newerFormat']);
});

test("a gateway's address is checked", async () => {
  const page = await tab(context, site);
  const check = (text: string): Promise<string> =>
    page.evaluate((t) => amplet.checkGateway(t).catch(({ code }: Amplet.WalletError) => code), text);
  const good = `02${'ab'.repeat(32)}@wss://gateway.example/lightning/v1`;
  assert.equal(await check(` ${good}`), good);
  for (const bad of [
    '',
    'wss://gateway.example',
    `05${'ab'.repeat(32)}@wss://gateway.example`,
    good.replace('wss', 'tcp'),
  ]) {
    assert.equal(await check(bad), 'invalidInput', bad);
  }
});
