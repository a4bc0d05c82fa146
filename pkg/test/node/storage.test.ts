// The storages of amplet/node: the conformance suite that every storage of the engine passes (crates/storage), in this Node,
// and what a file meets besides: an end in the middle of a write, another process, damage, a full disk.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, test } from 'vitest';
import { pathToFileURL } from 'node:url';
import type { WalletError } from '../../src/base/error.ts';
import { fileStorage } from '../../src/platform/node/file-storage.ts';
import { memoryStorage, type WalletStorage, type WalletStore } from '../../src/platform/node/storage.ts';

const suiteFolder = process.env['AMPLET_STORAGE_SUITE'] ?? '';
assert.notEqual(
  suiteFolder,
  '',
  'AMPLET_STORAGE_SUITE names the folder of the built suite: run `cargo xtask test --only pkg`',
);
const wasm = readFileSync(join(suiteFolder, 'suite_bg.wasm'));
let instances = 0;

interface Suite {
  default(input: { module_or_path: BufferSource }): Promise<unknown>;
  cases(): string[];
  runCase(name: string, open: (wallet: string) => unknown): Promise<void>;
}

/** A fresh instance: a case that fails traps, and its instance is of no more use. */
async function suite(): Promise<Suite> {
  instances += 1;
  const glue = (await import(`${pathToFileURL(join(suiteFolder, 'suite.js')).href}?${instances}`)) as Suite;
  await glue.default({ module_or_path: wasm });
  return glue;
}

const folders: string[] = [];
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'amplet-storage-'));
  folders.push(made);
  return made;
}

/** Runs a case; the suite's names of wallets have spaces, and it leaves handles open. */
async function run(name: string, storage: WalletStorage): Promise<void> {
  const opened: WalletStore[] = [];
  const open = async (wallet: string): Promise<WalletStore> => {
    const store = await storage.open(wallet.replaceAll(' ', '-'));
    opened.push(store);
    return store;
  };
  await (await suite()).runCase(name, open);
  await Promise.all(opened.map((store) => store.close()));
}

const cases = (await suite()).cases();
assert.ok(cases.length > 25, `the suite has ${cases.length} cases`);
for (const [kind, make] of [
  ['memory', memoryStorage],
  ['files', () => fileStorage(folder())],
] as const) {
  for (const name of cases) {
    test(`${kind}: ${name}`, () => run(name, make()));
  }
}

/** Runs a case on a storage that writes whatever the epoch; it traps, which ends the process. */
const CARELESS = `
  import { memoryStorage } from ${JSON.stringify(pathToFileURL(join(process.cwd(), 'dist/node/index.js')).href)};
  import init, { runCase } from ${JSON.stringify(pathToFileURL(join(suiteFolder, 'suite.js')).href)};
  import { readFileSync } from 'node:fs';
  await init({ module_or_path: readFileSync(process.argv[1]) });
  const honest = memoryStorage();
  const open = async (name) => {
    const store = await honest.open(name);
    let mine = 0n;
    store.takeOver = async () => (mine = await Object.getPrototypeOf(store).takeOver.call(store));
    if (process.argv[2] === 'careless') {
      store.commit = async (writes, epoch) => (await Object.getPrototypeOf(store).commit.call(store, writes, mine), epoch);
    }
    return store;
  };
  await runCase('backend::two_writers', open);
  console.log('passed');`;

test('the suite refuses a storage that does not look at the epoch', () => {
  const ran = (how: string) =>
    spawnSync(process.execPath, ['--input-type=module', '-e', CARELESS, join(suiteFolder, 'suite_bg.wasm'), how], {
      encoding: 'utf8',
    });
  const [honest, careless] = [ran('honest'), ran('careless')];
  assert.deepEqual([honest.stdout.trim(), careless.stdout.trim()], ['passed', ''], honest.stderr);
  assert.match(careless.stderr, /RuntimeError/);
});

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const put = (name: string, value: string) => ({ name: bytes(name), value: bytes(value) });

/** A folder with one wallet: `a` is 1, then 2. */
async function written(): Promise<{ root: string; journal: string; storage: WalletStorage; first: number }> {
  const root = folder();
  const storage = fileStorage(root);
  const store = await storage.open('main');
  const epoch = await store.takeOver();
  await store.commit([put('a', '1')], epoch);
  const journal = join(root, 'main', `${epoch}.journal`);
  const first = statSync(journal).size;
  await store.commit([put('a', '2'), put('b', 'x'.repeat(100))], epoch);
  await store.close();
  return { root, journal, storage, first };
}

const value = async (storage: WalletStorage, name: string): Promise<string | undefined> => {
  const store = await storage.open('main');
  const found = await store.read(bytes(name));
  await store.close();
  return found === undefined ? undefined : new TextDecoder().decode(found);
};

test('files: a commit that was cut off at any byte is there as a whole or not at all, and writing goes on', async () => {
  const { journal, storage, first } = await written();
  const whole = readFileSync(journal);
  const seen = new Set<string | undefined>();
  for (let length = whole.length; length >= first; length -= 1) {
    writeFileSync(journal, whole);
    truncateSync(journal, length);
    const a = await value(storage, 'a');
    seen.add(a);
    assert.ok(a === '1' || a === '2', `${length}: ${a}`);
    assert.equal((await value(storage, 'b')) === undefined, a === '1');
  }
  assert.equal(seen.size, 2);
  const store = await storage.open('main');
  const epoch = await store.takeOver();
  await store.commit([put('c', '3')], epoch);
  await store.close();
  assert.deepEqual([await value(storage, 'a'), await value(storage, 'c')], ['1', '3']);
});

test('files: what a failed append left is cut off by the next', async () => {
  const { storage, root } = await written();
  const store = await storage.open('main');
  const epoch = await store.takeOver();
  appendFileSync(join(root, 'main', `${epoch}.journal`), 'half a record');
  assert.equal(await store.commit([put('a', '3')], epoch), epoch);
  assert.equal(await store.commit([put('b', '4')], epoch), epoch);
  await store.close();
  assert.deepEqual([await value(storage, 'a'), await value(storage, 'b')], ['3', '4']);
});

test('files: damage in the middle is told, and so is another format', async () => {
  const { journal, storage } = await written();
  const whole = readFileSync(journal);
  const damaged = Buffer.from(whole);
  damaged.writeUInt8(damaged.readUInt8(90) ^ 1, 90);
  writeFileSync(journal, damaged);
  await assert.rejects(value(storage, 'a'), ({ code }: WalletError) => code === 'corrupt');
  writeFileSync(journal, Buffer.concat([Buffer.from('amplet-store 3\n\0'), Buffer.alloc(64, 7)]));
  await assert.rejects(value(storage, 'a'), ({ code }: WalletError) => code === 'newerFormat');
});

test('files: nothing can be written outside of the folder', async () => {
  for (const name of ['..', 'a/b', '', 'A']) {
    await assert.rejects(fileStorage(folder()).open(name), ({ code }: WalletError) => code === 'invalidInput', name);
  }
});

test('files: a journal that is mostly past is written anew, and stays whole for the next process', async () => {
  const root = folder();
  const storage = fileStorage(root);
  const store = await storage.open('main');
  const epoch = await store.takeOver();
  const large = 'y'.repeat(1 << 20);
  let longest = 0;
  for (let round = 0; round < 20; round += 1) {
    await store.commit([put('large', `${large}${round}`)], epoch);
    longest = Math.max(longest, statSync(join(root, 'main', `${epoch}.journal`)).size);
  }
  assert.ok(longest < 10 << 20, `${longest} bytes`);
  await store.commit([put('a', 'last')], epoch);
  await store.close();
  assert.equal((await value(storage, 'large'))?.length, large.length + 2);
  assert.equal(await value(storage, 'a'), 'last');
  assert.deepEqual(
    readdirSync(join(root, 'main')).filter((file) => file.endsWith('.new')),
    [],
  );
});

/** Another process that takes the wallet over and counts up in it, until it is fenced, printing what it saved. */
const RIVAL = `
  import { fileStorage } from ${JSON.stringify(pathToFileURL(join(process.cwd(), 'dist/node/index.js')).href)};
  const store = await fileStorage(process.argv[1]).open('main');
  const epoch = await store.takeOver();
  console.log('epoch ' + epoch);
  const found = await store.read(new TextEncoder().encode('count'));
  let count = found === undefined ? 0 : Number(new TextDecoder().decode(found));
  console.log('found ' + count);
  for (;;) {
    const next = String(count + 1);
    if ((await store.commit([{ name: new TextEncoder().encode('count'), value: new TextEncoder().encode(next) }], epoch)) !== epoch) break;
    count += 1;
    console.log('saved ' + count);
  }`;

test('files: processes that take the wallet from each other lose no commit and make none twice', async () => {
  const root = folder();
  const rivals: Promise<string>[] = [];
  for (let at = 0; at < 6; at += 1) {
    const rival = spawn(process.execPath, ['--input-type=module', '-e', RIVAL, root], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let printed = '';
    const saved = new Promise<void>((done) => {
      rival.stdout.setEncoding('utf8').on('data', (text: string) => {
        printed += text;
        if ((printed.match(/^saved/gm) ?? []).length >= 5) done();
      });
    });
    rivals.push(new Promise((done) => rival.on('close', () => done(printed))));
    await saved; // then the next one comes and takes it
    if (at === 3) rival.kill('SIGKILL');
  }
  const last = await fileStorage(root).open('main');
  await last.takeOver();
  let count = 0;
  for (const printed of await Promise.all(rivals)) {
    const [, found] = /^found (\d+)$/m.exec(printed) ?? [];
    const all = [...printed.matchAll(/^saved (\d+)$/gm)].map(([, number]) => Number(number));
    assert.ok(Number(found) === count || Number(found) === count + 1, `found ${found}, saved before: ${count}`); // killed before it could print
    assert.deepEqual(
      all,
      Array.from(all, (_, at) => Number(found) + at + 1),
    );
    count = all.at(-1) ?? Number(found);
  }
  assert.equal(new TextDecoder().decode(await last.read(bytes('count'))), String(count));
});
