// The package as a user installs it: what linters of packages say, what an import does, what a bundler keeps of it.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';
import { build } from 'esbuild';
import { Consumer, OPTIONS } from './consumer.ts';

const ENTRIES = ['', '/web', '/worker', '/node', '/inline', '/provider', '/server', '/pay', '/testing', '/webln'].map(
  (entry) => `amplet${entry}`,
);

let consumer: Consumer;
beforeAll(() => {
  consumer = new Consumer();
});
afterAll(() => consumer.remove());

test('publint and attw have nothing to say against it', () => {
  const tool = (name: string, args: string[]) =>
    execFileSync(join('../node_modules/.bin', name), args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  tool('publint', [consumer.tarball, '--strict']);
  tool('attw', [consumer.tarball]);
});

/** Whatever of a browser or of Node an import could touch, each throwing when it is. */
const TRAPS = `
  const names = ['window', 'document', 'self', 'navigator', 'location', 'origin', 'isSecureContext', 'localStorage', 'indexedDB', 'caches',
    'Worker', 'SharedWorker', 'BroadcastChannel', 'MessageChannel', 'WebSocket', 'fetch', 'Request', 'Response', 'WebAssembly', 'crypto',
    'addEventListener', 'onmessage', 'setTimeout', 'setInterval', 'chrome', 'browser'];
  for (const name of names) {
    Object.defineProperty(globalThis, name, { configurable: true, get: () => { throw new Error('the import touches ' + name); } });
  }
  const before = Reflect.ownKeys(globalThis).length;
  const listeners = process.eventNames().length;
  await import(process.argv[1]);
  if (Reflect.ownKeys(globalThis).length !== before) throw new Error('the import adds a global');
  if (process.eventNames().length !== listeners) throw new Error('the import listens to the process');
  console.log('nothing happened');`;

for (const entry of ENTRIES) {
  test(`importing ${entry}, as a server does that renders a page, does nothing`, () => {
    assert.equal(consumer.run(TRAPS, entry), 'nothing happened');
  });
}

test('what wants a page says so on a server, where the package is as it is shipped', () => {
  for (const entry of ['amplet', 'amplet/worker', 'amplet/inline']) {
    const script = `
      const { Wallet, WalletError, generateMnemonic, init } = await import('${entry}');
      await init();
      const options = { name: 'main', network: 'regtest', gateways: [], passphrase: 'x' };
      const error = await Wallet.open(options).catch((error) => error);
      const words = await generateMnemonic().catch((error) => error);
      const both = [error, words].every(({ message }) => message.includes('amplet/node'));
      console.log(error instanceof WalletError, error.code, words.code, both);`;
    assert.equal(consumer.run(script), 'true notAllowedHere notAllowedHere true', entry);
  }
});

test('an error is of the one class, whatever entry it came from', () => {
  const script = `const all = await Promise.all(${JSON.stringify(['amplet', 'amplet/worker', 'amplet/node', 'amplet/inline'])}.map((entry) => import(entry)));
    console.log(new Set(all.map(({ WalletError }) => WalletError)).size);`;
  assert.equal(consumer.run(script), '1');
});

/** What a bundler makes of a script there, in bytes of code. */
async function bundled(script: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: script, resolveDir: consumer.folder },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    minify: true,
    legalComments: 'none',
    logLevel: 'error',
  });
  return outputFiles[0]?.text ?? '';
}

test('a bundler keeps nothing of an import that is not used, and only what is', async () => {
  for (const entry of ENTRIES) {
    assert.equal(
      (
        await bundled(`import '${entry}'; import { WalletError as unused } from '${entry}';`).catch(() =>
          bundled(`import '${entry}'`),
        )
      ).trim(),
      '',
      entry,
    );
  }
  const error = await bundled("import { WalletError } from 'amplet'; console.log(WalletError)");
  assert.ok(error.length < 3_000, `${error.length} bytes for WalletError`);
  const provider = await bundled("import { payingFetch } from 'amplet/provider'; console.log(payingFetch)");
  assert.ok(!/wasm|SharedWorker/.test(provider), 'the provider comes without the wallet');
  const words = await bundled("import { checkMnemonic } from 'amplet'; console.log(checkMnemonic)");
  assert.ok(words.includes('words_bg.wasm') && !words.includes('engine.worker'), 'mnemonics come without the engine');
});

test('what runs in a service worker has no import() in it', () => {
  for (const file of ['worker', 'inline', 'engine.worker', 'kdf.worker']) {
    const script = readFileSync(join(consumer.folder, `node_modules/amplet/dist/${file}.js`), 'utf8');
    assert.doesNotMatch(script, /\bimport\s*\(/, file);
  }
});

test('the wasm files are subpaths', () => {
  const paths = JSON.parse(
    consumer.run(
      "console.log(JSON.stringify(['engine', 'page', 'words', 'node'].map((name) => import.meta.resolve(`amplet/${name}.wasm`))))",
    ),
  ) as string[];
  const magic = paths.map((path) => readFileSync(new URL(path)).subarray(0, 4).toString('latin1'));
  assert.deepEqual(
    magic,
    Array.from({ length: 4 }, () => '\0asm'),
  );
});

test("its types stand in a strict project, with and without Node's and the browser's", () => {
  consumer.write(
    'use.ts',
    `
    import { Wallet, init, type OpenOptions, type Payment } from 'amplet';
    import { Wallet as InWorker } from 'amplet/worker';
    import { Wallet as Inline } from 'amplet/inline';
    import { payingFetch } from 'amplet/provider';
    import type {} from 'amplet/webln';
    const options: OpenOptions = { name: 'main', network: 'signet', gateways: [], passphrase: 'x' };
    export const made: OpenOptions = { ...options, create: true };
    export const restored: OpenOptions = { ...options, mnemonic: 'abandon', fresh: true };
    const { passphrase, ...base } = options;
    export const key: OpenOptions = { ...base, key: new Uint8Array(32) };
    // @ts-expect-error nothing opens it
    export const none: OpenOptions = base;
    // @ts-expect-error two things open it
    export const two: OpenOptions = { ...base, passphrase, key: new Uint8Array(32) };
    // @ts-expect-error it is made anew, or from its words
    export const both: OpenOptions = { ...base, passphrase, create: true, mnemonic: 'abandon' };
    // @ts-expect-error a new wallet has no key yet
    export const newKey: OpenOptions = { ...base, key: new Uint8Array(32), create: true };
    // @ts-expect-error fresh goes with a mnemonic
    export const fresh: OpenOptions = { ...base, passphrase, fresh: true };
    export async function maybe(wallet: Wallet, msat: bigint | undefined, signal: AbortSignal | undefined): Promise<boolean> {
      const authorization = { holder: { kind: 'app', id: 'a' }, purpose: undefined, approvedMsat: msat } as const;
      await wallet.pay('lnbc1', { amountMsat: msat, maxFeeMsat: msat, signal, parts: undefined, authorization });
      const request = await wallet.receive({ amountMsat: msat, description: undefined, channel: 'ifNeeded' });
      // @ts-expect-error there are two words
      await wallet.receive({ channel: 'always' });
      await wallet.closeChannel('a', { force: undefined });
      return request.channel?.trusted ?? false;
    }
    export async function site(): Promise<string> {
      if (window.webln === undefined) return 'none';
      const { node } = await window.webln.getInfo();
      const { paymentRequest } = await window.webln.makeInvoice({ amount: 5, defaultMemo: undefined });
      const { preimage } = await window.webln.sendPayment(paymentRequest);
      // @ts-expect-error an invoice is a text
      await window.webln.sendPayment(5);
      const { balance } = await window.webln.getBalance();
      return node.alias + preimage + balance.toFixed(0);
    }
    export async function pay(invoice: string): Promise<Payment> {
      await init({ wasm: new URL('https://cdn.example/engine.wasm') });
      const wallet: Wallet = await Wallet.open(options);
      // @ts-expect-error amounts are bigint
      await wallet.receive({ amountMsat: 5 });
      return wallet.pay(invoice, { maxFeeMsat: 1_000n });
    }
    export { InWorker, Inline, payingFetch };
  `,
  );
  consumer.write(
    'use-node.ts',
    `
    import { Wallet, fileStorage, init, type WalletStorage } from 'amplet/node';
    export async function open(own: WalletStorage): Promise<Wallet> {
      await init({ storage: own });
      await init({ storage: fileStorage('wallets') });
      return Wallet.open({ name: 'main', network: 'signet', gateways: [], passphrase: 'x' });
    }
  `,
  );
  const check = (file: string, ...flags: string[]) => {
    const { status, stdout } = spawnSync(
      join(process.cwd(), '../node_modules/.bin/tsc'),
      ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--target', 'es2022', ...flags, file],
      { cwd: consumer.folder, encoding: 'utf8' },
    );
    assert.equal(stdout, '', `${file} ${flags.join(' ')}`);
    assert.equal(status, 0, file);
  };
  check(
    'use.ts',
    '--module',
    'esnext',
    '--moduleResolution',
    'bundler',
    '--lib',
    'es2023,dom,dom.iterable,dom.asynciterable',
  );
  check('use.ts', '--module', 'nodenext', '--lib', 'es2023,dom,dom.iterable,dom.asynciterable');
  check('use-node.ts', '--module', 'nodenext', '--lib', 'es2023,dom');
  // On a server there is no browser, only Node.js.
  const types = join(process.cwd(), '../node_modules/@types');
  check('use-node.ts', '--module', 'nodenext', '--lib', 'es2022', '--types', 'node', '--typeRoots', types);
});

test('its types can be read by TypeScript 5.4, which knows no kinds of bytes', () => {
  const dist = join(consumer.folder, 'node_modules/amplet/dist');
  for (const file of readdirSync(dist, { recursive: true, encoding: 'utf8' }))
    if (file.endsWith('.d.ts')) assert.doesNotMatch(readFileSync(join(dist, file), 'utf8'), /\bUint8Array</, file);
});

test('the tarball has the licences, the changes, and source maps with their sources', () => {
  const at = (path: string) => join(consumer.folder, 'node_modules/amplet', path);
  for (const file of ['LICENSE-MIT', 'LICENSE-APACHE', 'CHANGELOG.md']) assert.ok(readFileSync(at(file)).length > 900);
  const { homepage, bugs, keywords, author } = JSON.parse(readFileSync(at('package.json'), 'utf8'));
  assert.ok(homepage && bugs && keywords.length > 0 && author);
  const maps = readdirSync(at('dist'), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.map'));
  assert.ok(maps.length > 5);
  for (const map of maps) {
    const { sources, sourcesContent } = JSON.parse(readFileSync(at(`dist/${map}`), 'utf8'));
    assert.equal(sourcesContent?.length, sources.length, map);
  }
});

test('installed, it holds a wallet in Node.js', () => {
  const ws = JSON.stringify(new URL('../../ws/wrapper.mjs', import.meta.resolve('esbuild')).href);
  assert.match(
    consumer.run(`
      import { WebSocket } from ${ws};
      import { Wallet, init, memoryStorage } from 'amplet/node';
      await init({ storage: memoryStorage(), WebSocket });
      const options = ${JSON.stringify(OPTIONS)};
      const made = await Wallet.open({ ...options, create: true });
      const { nodeId } = await made.status();
      const words = made.takeMnemonic().split(' ').length;
      await made.lock();
      const again = await Wallet.open(options);
      console.log(words, (await again.status()).nodeId === nodeId, nodeId);
      await again.close();`),
    /^12 true 0[23][0-9a-f]{64}$/,
  );
});
