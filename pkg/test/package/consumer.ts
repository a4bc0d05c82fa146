// A project that has the package installed from its tarball, and what its pages and processes do with a wallet.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import type { Page } from 'playwright-core';
import type * as Amplet from '../../src/index.ts';

const TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' };
/** A strict policy; tests name what else they need. */
const CSP = {
  'default-src': "'none'",
  'script-src': "'self' 'wasm-unsafe-eval'",
  'connect-src': '*',
  'worker-src': "'self'",
};

/** A project with the package in its node_modules. */
export class Consumer {
  readonly folder = mkdtempSync(join(tmpdir(), 'amplet-consumer-'));
  readonly tarball: string;

  constructor() {
    const [{ filename }] = JSON.parse(npm(['pack', '--json', '--pack-destination', this.folder], process.cwd())) as [
      { filename: string },
    ];
    this.tarball = join(this.folder, filename);
    this.write('package.json', '{"name":"consumer","private":true,"type":"module"}');
    npm(['install', '--offline', '--no-audit', '--no-fund', `./${filename}`], this.folder);
    this.write('index.html', '<!doctype html><title>consumer</title><script type="module" src="/main.js"></script>');
  }

  write(path: string, content: string): string {
    const file = join(this.folder, path);
    writeFileSync(file, content);
    return file;
  }

  /** Runs a script in Node there; what it prints. */
  run(script: string, ...args: string[]): string {
    return execFileSync(process.execPath, ['--input-type=module', '-e', script, ...args], {
      cwd: this.folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim();
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}

function npm(args: string[], cwd: string): string {
  return execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** What every wallet here is opened with; its gateway is down. */
export const OPTIONS = {
  name: 'main',
  network: 'regtest' as const,
  gateways: [`02${'79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798'}@ws://127.0.0.1:9`],
  passphrase: 'correct horse',
};

/** Makes a wallet with the real engine and asks it. Runs in the page or worker: it uses nothing from around it. */
export async function make({ Wallet }: Pick<typeof Amplet, 'Wallet'>, given: typeof OPTIONS) {
  const wallet = await Wallet.open({ ...given, create: true });
  const words = wallet.takeMnemonic()?.split(' ').length;
  const { spendableMsat, onchainSat } = await wallet.balance();
  const { nodeId, network, ableToPay } = await wallet.status();
  const snapshot = await new Promise<Amplet.Snapshot>((heard) => wallet.onChange(heard));
  const refused = await wallet.inspect('garbage').then(
    () => 'understood',
    ({ code }: Amplet.WalletError) => code,
  );
  await wallet.close();
  return {
    words,
    money: `${spendableMsat} ${onchainSat}`,
    nodeId,
    network,
    ableToPay,
    told: snapshot.status.nodeId,
    refused,
  };
}

/** Opens it again, and deletes it. */
export async function reopen({ Wallet }: Pick<typeof Amplet, 'Wallet'>, given: typeof OPTIONS) {
  const wrong = await Wallet.open({ ...given, passphrase: 'wrong' }).then(
    () => 'opened',
    ({ code }: Amplet.WalletError) => code,
  );
  const wallet = await Wallet.open(given);
  const { nodeId } = await wallet.status();
  await wallet.lock();
  await Wallet.destroy('main');
  return { wrong, nodeId, left: await Wallet.exists('main') };
}

type Evaluate = (script: string) => Promise<unknown>;

/** Makes a wallet where `evaluate` runs scripts that see `amplet`, starts anew, and opens it again. */
export async function tryWallet(
  evaluate: Evaluate,
  restart: () => Promise<unknown> = async () => undefined,
): Promise<void> {
  const call = (what: typeof make | typeof reopen): string =>
    `(${what.toString()})(amplet, ${JSON.stringify(OPTIONS)})`;
  const made = (await evaluate(call(make))) as Awaited<ReturnType<typeof make>>;
  const expected = {
    words: 12,
    money: '0 0',
    nodeId: '',
    network: 'regtest',
    ableToPay: false,
    told: '',
    refused: 'invalidPaymentRequest',
  };
  assert.deepEqual({ ...made, nodeId: '', told: '' }, expected);
  assert.match(made.nodeId, /^0[23][0-9a-f]{64}$/);
  assert.equal(made.told, made.nodeId);
  await restart();
  assert.deepEqual(await evaluate(call(reopen)), { wrong: 'wrongPassphrase', nodeId: made.nodeId, left: false });
}

/** As {@link tryWallet}, in a page that is reloaded between. */
export async function tryPage(page: Page): Promise<void> {
  await tryWallet(
    (script) => page.evaluate(script),
    async () => {
      await page.reload();
      await page.waitForFunction(() => 'amplet' in globalThis);
    },
  );
}

/** Serves a folder with a strict policy on a port of its own while `work` runs. */
export async function served<T>(
  root: string,
  work: (url: string) => Promise<T>,
  more: Partial<typeof CSP> = {},
): Promise<T> {
  const policy = Object.entries({ ...CSP, ...more })
    .map((directive) => directive.join(' '))
    .join('; ');
  const server: Server = createServer((request, response) => {
    const path = join(root, request.url === '/' ? 'index.html' : new URL(request.url ?? '/', 'http://x').pathname);
    const found = statSync(path, { throwIfNoEntry: false })?.isFile() === true;
    response.writeHead(found ? 200 : 404, {
      'content-type': TYPES[extname(path)] ?? 'text/plain',
      'content-security-policy': policy,
    });
    response.end(found ? readFileSync(path) : undefined);
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  try {
    return await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
