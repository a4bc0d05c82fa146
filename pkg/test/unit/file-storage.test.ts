/** A wallet's files: whatever bit turns over is told, never taken for the past; what an older release wrote is read. */

import assert from 'node:assert/strict';
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, test } from 'vitest';
import type { WalletError } from '../../src/base/error.ts';
import { fileStorage } from '../../src/platform/node/file-storage.ts';
import { read, record, snapshot } from '../../src/platform/node/journal.ts';
import type { WalletStore, WalletWrite } from '../../src/platform/node/storage.ts';

const folders: string[] = [];
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));
function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'amplet-files-'));
  folders.push(made);
  mkdirSync(join(made, 'main'));
  return made;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const put = (name: string, value: string | null): WalletWrite => ({
  name: bytes(name),
  value: value === null ? null : bytes(value),
});
const files = (root: string): string[] => readdirSync(join(root, 'main')).sort();
const isCorrupt = ({ code }: WalletError): boolean => code === 'corrupt';

/** All records, as text. */
async function contents(root: string): Promise<Record<string, string>> {
  const store = await fileStorage(root).open('main');
  try {
    const all: Record<string, string> = {};
    for (const name of await store.names())
      all[new TextDecoder().decode(name)] = new TextDecoder().decode(await store.read(name));
    return all;
  } finally {
    await store.close();
  }
}

async function written(commits: WalletWrite[][], root = folder()): Promise<string> {
  const store = await fileStorage(root).open('main');
  const epoch = await store.takeOver();
  for (const writes of commits) assert.equal(await store.commit(writes, epoch), epoch);
  await store.close();
  return root;
}

/** Written by the release with format 1: two processes, five commits; `a` is 3, `b` is gone, `c` is last. */
const FORMAT_1 = Buffer.from(
  '616d706c65742d73746f726520310a00000000308ccc692e83dbf27e65d22df45d9046c80000000000000002000000000000000100000000000000' +
    '0200000002000000016100000001320000000162000000017800000026f6a865add108dc9bef0596cfbeb9cf6b0000000000000003000000000000' +
    '0000000000000000000000000001000000016100000001330000002595aaab965253f9dbab5b567f5c3b2731000000000000000400000000000000' +
    '0000000000000000000000000100000001' +
    '62ffffffff000000295bdba6d3a72cdd81bb519f60caefbd9c000000000000000500000000000000000000000000000000000000010000000163' +
    '000000046c617374',
  'hex',
);
const LAST = { a: '3', c: 'last' };
const COMMITS = [
  [put('a', '1')],
  [put('a', '2'), put('b', 'x')],
  [put('a', '3')],
  [put('b', null)],
  [put('c', 'last')],
];

function old(): string {
  const root = folder();
  writeFileSync(join(root, 'main', '2.claim'), '');
  writeFileSync(join(root, 'main', '2.journal'), FORMAT_1);
  return root;
}

for (const [what, make, generations] of [
  ['a journal', () => written(COMMITS), 1],
  [
    'a snapshot that another process made, beside the journal that it is of',
    async () => written([], await written(COMMITS)),
    2,
  ],
  ['a journal behind a snapshot', async () => written(COMMITS.slice(-1), await written(COMMITS)), 1],
  ['an empty store', () => written([]), 1],
  ['a journal of format 1', async () => old(), 1],
] as const) {
  test(`each bit of ${what} that turns over is told, and nothing is taken for the past`, async () => {
    const root = await make();
    const before = await contents(root);
    const journals = files(root).filter((name) => name.endsWith('.journal'));
    assert.equal(journals.length, generations);
    const newest = journals.at(-1)!;
    for (const name of files(root)) {
      const path = join(root, 'main', name);
      const whole = readFileSync(path);
      for (let bit = 0; bit < whole.length * 8; bit += 1) {
        const turned = Buffer.from(whole);
        turned.writeUInt8(turned.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        assert.throws(() => read(turned, name), isCorrupt, `${name}, bit ${bit}`);
        if (bit % 311 !== 0) continue; // the disk is slow
        writeFileSync(path, turned);
        if (name === newest) await assert.rejects(contents(root), isCorrupt, `${name}, bit ${bit}`);
        else assert.deepEqual(await contents(root), before);
      }
      writeFileSync(path, whole);
    }
    assert.deepEqual(await contents(root), before);
  });
}

test('a damaged journal is taken over by nobody, and nothing of it is removed', async () => {
  const root = await written(COMMITS);
  const path = join(root, 'main', '1.journal');
  const damaged = readFileSync(path);
  damaged.writeUInt8(damaged.readUInt8(damaged.length - 20) ^ 1, damaged.length - 20);
  writeFileSync(path, damaged);
  const before = files(root);
  const store = await fileStorage(root).open('main');
  await assert.rejects(store.takeOver(), isCorrupt);
  await store.close();
  assert.deepEqual(files(root), before, 'whoever writes there is not fenced either');
  assert.deepEqual(readFileSync(path), damaged);
});

test('a record that is left out, comes twice or is of another place is told', () => {
  const journal = { origin: { from: 0n, seq: 0n }, seq: 4n, byName: new Map([['a', bytes('1')]]) };
  const [head, five, six] = [snapshot(journal), record(5n, [put('a', '5')]), record(6n, [put('a', '6')])];
  const whole = read(Buffer.concat([head, five, six]), 'x');
  assert.deepEqual([whole.seq, new TextDecoder().decode(whole.byName.get('a'))], [6n, '6']);
  for (const parts of [
    [head, six],
    [head, five, five],
    [head, six, five],
    [head, head.subarray(16)],
  ])
    assert.throws(() => read(Buffer.concat(parts), 'x'), isCorrupt);
});

test('what was being written when the machine stopped is left out, however much of it the disk has', () => {
  const journal = { origin: { from: 0n, seq: 0n }, seq: 4n, byName: new Map<string, Uint8Array>() };
  const head = snapshot(journal);
  const last = record(5n, [put('large', 'y'.repeat(3_000))]);
  const zeroed = (from: number, to: number): Buffer => Buffer.from(last).fill(0, from, to);
  const unfinished = [
    ...Array.from(last, (_, length) => last.subarray(0, length)),
    Buffer.alloc(last.length),
    Buffer.alloc(4_096),
    zeroed(1_000, last.length),
    zeroed(last.length - 4, last.length),
    zeroed(512 - (head.length % 512), 1_024 - (head.length % 512)), // one sector, in the middle
  ];
  for (const tail of unfinished) {
    const { seq, whole } = read(Buffer.concat([head, tail]), 'x');
    assert.deepEqual([seq, whole], [4n, head.length]);
  }
  assert.equal(read(Buffer.concat([head, last]), 'x').seq, 5n);
  assert.throws(() => read(head.subarray(0, head.length - 1), 'x'), isCorrupt, 'a snapshot is there as a whole');
  for (let length = 0; length < 16; length += 1) assert.throws(() => read(head.subarray(0, length), 'x'), isCorrupt);
});

test('format 1 is read, and written anew by whoever takes it over; a newer one is left alone', async () => {
  const root = old();
  assert.deepEqual(await contents(root), LAST);
  for (let length = FORMAT_1.length - 1; length >= FORMAT_1.length - 61; length -= 1)
    assert.equal(read(FORMAT_1.subarray(0, length), 'x').seq, 4n, `${length}`);
  await written([[put('d', '4')]], root);
  assert.deepEqual(await contents(root), { ...LAST, d: '4' });
  assert.deepEqual(files(root), ['3.claim', '3.journal']);
  assert.equal(
    readFileSync(join(root, 'main', '3.journal'))
      .subarray(0, 15)
      .toString(),
    'amplet-store 2\n',
  );
  const newer = Buffer.concat([Buffer.from('amplet-store 3\n\0'), Buffer.alloc(100, 7)]);
  writeFileSync(join(root, 'main', '3.journal'), newer);
  await assert.rejects(contents(root), ({ code }: WalletError) => code === 'newerFormat');
});

test('the generation before stays until the next has a commit of its own; what is destroyed leaves nothing', async () => {
  const root = await written(COMMITS);
  const generations: string[][] = [];
  const look = (): void => void generations.push(files(root).filter((name) => name.endsWith('.journal')));
  const store: WalletStore = await fileStorage(root).open('main');
  const epoch = await store.takeOver();
  look();
  const copy = folder();
  cpSync(join(root, 'main', '1.journal'), join(copy, 'main', '1.journal'));
  assert.deepEqual(await contents(copy), LAST, 'all that there is is in both');
  await store.commit([put('d', '4')], epoch);
  look();
  await store.takeOver();
  look();
  await store.destroy();
  look();
  assert.deepEqual(generations, [['1.journal', '2.journal'], ['2.journal'], ['2.journal', '3.journal'], ['4.journal']]);
  assert.deepEqual(await contents(root), {});
});

test('what a failed append left is cut off, and what follows it is read', async () => {
  const root = await written(COMMITS);
  const store = await fileStorage(root).open('main');
  const epoch = await store.takeOver();
  appendFileSync(join(root, 'main', `${epoch}.journal`), 'half a record');
  assert.equal(await store.commit([put('a', '4')], epoch), epoch);
  await store.close();
  assert.deepEqual(await contents(root), { ...LAST, a: '4' });
});
