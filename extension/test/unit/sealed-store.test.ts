/** What is kept about sites lies sealed with the wallet, and goes with it. */

import { createHmac } from 'node:crypto';
import type { Json } from 'amplet/provider';
import { expect, test } from 'vitest';
import type { SealedRecord } from '../../src/wallet-host/seal.ts';
import { SealedStore, type Sealer } from '../../src/wallet-host/sealed-store.ts';
import type { SiteDatabase } from '../../src/wallet-host/site-database.ts';

/** The database in memory. */
class FakeDatabase implements SiteDatabase {
  readonly sealed = new Map<string, SealedRecord>();
  readonly notes = new Map<string, Json>();
  get = async (name: string) => this.sealed.get(name);
  put = async (name: string, record: SealedRecord) => void this.sealed.set(name, record);
  delete = async (name: string) => void this.sealed.delete(name);
  all = async () => [...this.sealed];
  open = async () => [...this.notes];
  clear = async () => (this.sealed.clear(), this.notes.clear());
  replaceOpen = async (records: readonly [string, SealedRecord][]) => {
    for (const [name, record] of records) this.sealed.set(name, record);
    this.notes.clear();
  };

  /** All that a thief of the files reads. */
  get dump(): string {
    const bytes = (data: Uint8Array | ArrayBuffer) => Buffer.from(data as Uint8Array).toString('latin1');
    return JSON.stringify([
      [...this.notes],
      [...this.sealed].map(([name, { iv, data }]) => [name, bytes(iv), bytes(new Uint8Array(data))]),
    ]);
  }
}

/** A wallet with a recovery phrase. */
const wallet = (phrase: string): Sealer => ({
  logIn: async ({ domain, challenge }) => ({
    signature: createHmac('sha512', phrase).update(`${domain} ${challenge}`).digest('hex'),
  }),
});

/** The wallet that is open. */
const holding = (one: Sealer) => (): Sealer => one;

const closed = (): never => {
  throw Object.assign(new Error('locked'), { code: 'closed' });
};

const SECRET = { invoice: 'lnbc1secret', preimage: 'ab'.repeat(32), site: 'https://shop.example' };

test('it keeps what it is given, by key and by prefix', async () => {
  const store = new SealedStore(new FakeDatabase(), holding(wallet('one')));
  await store.set('sent/2 https://shop.example', SECRET);
  await store.set('sent/1', { at: 1 });
  await store.set('sent/1', { at: 2 });
  await store.set('grant/x', null);
  expect(await store.get('sent/1')).toEqual({ at: 2 });
  expect(await store.get('sent/2 https://shop.example')).toEqual(SECRET);
  expect(await store.get('grant/x')).toBe(null);
  expect(await store.get('sent/3')).toBeUndefined();
  expect(await store.keys('sent/')).toEqual(['sent/1', 'sent/2 https://shop.example']);
  await store.delete('sent/1');
  expect(await store.keys('')).toEqual(['grant/x', 'sent/2 https://shop.example']);
});

test('neither names nor contents can be read, and the wallet that was locked reads them again', async () => {
  const database = new FakeDatabase();
  await new SealedStore(database, holding(wallet('one'))).set('grant/https://shop.example', SECRET);
  for (const text of ['shop', 'grant', 'lnbc', SECRET.preimage]) expect(database.dump).not.toContain(text);
  const locked = new SealedStore(database, closed);
  for (const work of [locked.get('a'), locked.set('a', 1), locked.delete('a'), locked.keys('')])
    await expect(work).rejects.toMatchObject({ code: 'closed' });
  const again = new SealedStore(database, holding(wallet('one')));
  expect(await again.get('grant/https://shop.example')).toEqual(SECRET);
});

test('another wallet sees none of it', async () => {
  const database = new FakeDatabase();
  await new SealedStore(database, holding(wallet('one'))).set('grant/x', SECRET);
  const other = new SealedStore(database, holding(wallet('two')));
  expect(await other.keys('')).toEqual([]);
  expect(await other.get('grant/x')).toBeUndefined();
});

test('what an earlier release left open is sealed when the wallet is opened', async () => {
  const database = new FakeDatabase();
  database.notes.set('grant/https://shop.example https://shop.example', { version: 1, balance: true });
  database.notes.set('sent/1', SECRET);
  const store = new SealedStore(database, holding(wallet('one')));
  expect(await store.keys('')).toEqual(['grant/https://shop.example https://shop.example', 'sent/1']);
  expect(await store.get('sent/1')).toEqual(SECRET);
  expect(database.notes.size).toBe(0);
  expect(database.dump).not.toContain('shop');
});

test('a record that was changed, or moved to another name, is none', async () => {
  const database = new FakeDatabase();
  const one = wallet('one');
  const store = new SealedStore(database, () => one);
  await store.set('grant/a', true);
  await store.set('grant/b', false);
  const [[first, granted], [second]] = [...database.sealed] as [[string, SealedRecord], [string, SealedRecord]];
  database.sealed.set(second, granted);
  expect(await store.get('grant/b'), 'a grant of another site').toBeUndefined();
  const data = new Uint8Array(granted.data.slice(0));
  data[0] = (data[0] ?? 0) ^ 1;
  database.sealed.set(first, { ...granted, data: data.buffer });
  expect(await store.get('grant/a')).toBeUndefined();
});

test('deleted with the wallet', async () => {
  const database = new FakeDatabase();
  database.notes.set('grant/x', true);
  const one = wallet('one');
  await new SealedStore(database, () => one).set('grant/y', SECRET);
  await new SealedStore(database, closed).wipe();
  expect([database.sealed.size, database.notes.size]).toEqual([0, 0]);
});
