// The package as a person installs it: packed, installed from the tarball, imported in Node, built and served by Vite.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import * as vite from 'vite';
import { launch, visit } from '../browser/site.ts';
import type * as Amplet from '../../src/index.ts';

const TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' };
const CSP = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src *";

let folder: string;
let tarball: string;
let browser: Browser;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'amplet-consumer-'));
  const [{ filename }] = JSON.parse(npm(['pack', '--json', '--pack-destination', folder], process.cwd())) as [{ filename: string }];
  tarball = join(folder, filename);
  writeFileSync(join(folder, 'package.json'), '{"name":"consumer","private":true,"type":"module"}');
  npm(['install', '--offline', '--no-audit', '--no-fund', `./${filename}`], folder);
  writeFileSync(join(folder, 'index.html'), '<!doctype html><title>consumer</title><script type="module" src="/main.js"></script>');
  writeFileSync(join(folder, 'main.js'), 'import * as amplet from "amplet";\nglobalThis.amplet = amplet;\n');
  browser = await launch();
});
after(async () => {
  await browser.close();
  rmSync(folder, { recursive: true });
});

function npm(args: string[], cwd: string): string {
  return execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Opens a new wallet with the real engine, whose gateway is down, and asks it. */
async function tryWallet(page: Page): Promise<void> {
  const address = `02${'79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798'}@ws://127.0.0.1:9`;
  const options = { name: 'main', network: 'regtest' as const, gateways: [address], passphrase: 'correct horse' };
  const made = await page.evaluate(async (given) => {
    const wallet = await amplet.Wallet.open({ ...given, create: true });
    const words = wallet.takeMnemonic()?.split(' ').length;
    const { spendableMsat, savingsSat } = await wallet.balance();
    const { nodeId, network, ableToPay } = await wallet.status();
    const snapshot = await new Promise<Amplet.Snapshot>((heard) => wallet.onChange(heard));
    const refused = await wallet.inspect('garbage').then(() => 'understood', ({ code }: Amplet.WalletError) => code);
    await wallet.close();
    return { words, money: [spendableMsat, savingsSat], nodeId, network, ableToPay, told: snapshot.status.nodeId, refused };
  }, options);
  assert.deepEqual({ ...made, nodeId: '', told: '' }, { words: 12, money: [0n, 0n], nodeId: '', network: 'regtest', ableToPay: false, told: '', refused: 'invalidPaymentRequest' });
  assert.equal(made.told, made.nodeId);
  await page.reload();
  await page.waitForFunction(() => 'amplet' in globalThis);
  const again = await page.evaluate(async (given) => {
    const wrong = await amplet.Wallet.open({ ...given, passphrase: 'wrong' }).then(() => 'opened', ({ code }: Amplet.WalletError) => code);
    const wallet = await amplet.Wallet.open(given);
    const { nodeId } = await wallet.status();
    await wallet.lock();
    await amplet.Wallet.destroy('main');
    return { wrong, nodeId, left: await amplet.Wallet.exists('main') };
  }, options);
  assert.deepEqual(again, { wrong: 'wrongPassphrase', nodeId: made.nodeId, left: false });
}

test('publint and attw have nothing to say against it', () => {
  const tool = (path: string, args: string[]) => execFileSync(process.execPath, [join('node_modules', path), ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  tool('publint/src/cli.js', [tarball, '--strict']);
  tool('@arethetypeswrong/cli/dist/index.js', [tarball]);
});

test('importing it in Node does nothing, and opening a wallet there says why not', () => {
  const script = `
    const { Wallet, WalletError } = await import('amplet');
    const options = { name: 'main', network: 'regtest', gateways: [], passphrase: 'x' };
    const error = await Wallet.open(options).catch((error) => error);
    console.log(error instanceof WalletError, error.code);`;
  const printed = execFileSync(process.execPath, ['--input-type=module', '-e', script], { cwd: folder, encoding: 'utf8' });
  assert.equal(printed.trim(), 'true notAllowedHere');
});

test('built by Vite and served with a strict policy, it holds a wallet', async () => {
  await vite.build({ root: folder, logLevel: 'error' });
  const assets = readdirSync(join(folder, 'dist/assets'));
  for (const [kind, expected] of [['engine_bg', 1], ['page_bg', 1], ['words_bg', 1], ['engine.worker', 1], ['kdf.worker', 1]] as const) {
    assert.equal(assets.filter((file) => file.startsWith(kind)).length, expected, `${kind} in ${assets.join(' ')}`);
  }
  const server = await serve(join(folder, 'dist'));
  try {
    const page = await (await browser.newContext()).newPage();
    await visit(page, `http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await tryWallet(page);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test('on Vite\'s development server it holds a wallet', async () => {
  const server = await vite.createServer({ root: folder, logLevel: 'error', server: { port: 0, host: '127.0.0.1' } });
  try {
    await server.listen();
    const page = await (await browser.newContext()).newPage();
    await visit(page, server.resolvedUrls?.local[0] ?? '');
    await tryWallet(page);
  } finally {
    await server.close();
  }
});

async function serve(root: string): Promise<Server> {
  const server = createServer((request, response) => {
    const path = join(root, request.url === '/' ? 'index.html' : new URL(request.url ?? '/', 'http://x').pathname);
    const found = statSync(path, { throwIfNoEntry: false })?.isFile() === true;
    response.writeHead(found ? 200 : 404, { 'content-type': TYPES[extname(path)] ?? 'text/plain', 'content-security-policy': CSP });
    response.end(found ? readFileSync(path) : undefined);
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  return server;
}
