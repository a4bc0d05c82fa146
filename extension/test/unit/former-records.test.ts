/** What earlier releases kept about sites moves into the wallet, whole and once, whenever it is interrupted. */

import { createHmac } from 'node:crypto';
import type { Json } from 'amplet/provider';
import { expect, test } from 'vitest';
import type { FormerRecords } from '../../src/wallet-host/former-database.ts';
import { moveFormerRecords } from '../../src/wallet-host/former-records.ts';

const signatureOf = (phrase: string, domain: string, challenge: string): string =>
  createHmac('sha512', phrase).update(`${domain} ${challenge}`).digest('hex');

/** Seals a record as the earlier releases did. */
async function sealed(phrase: string, key: string, value: Json): Promise<FormerRecords['sealed'][number]> {
  const utf8 = (text: string) => new TextEncoder().encode(text);
  const challenge = '7785b70fdb2784f84efe8c994776af428d8b0b4122ce74d2ef04c92f4bbafe60';
  const secret = Uint8Array.from(Buffer.from(signatureOf(phrase, 'sites.amplet.invalid', challenge), 'hex'));
  const base = await crypto.subtle.importKey('raw', secret, 'HKDF', false, ['deriveKey']);
  const derive = (info: string, type: AesKeyGenParams | HmacKeyGenParams, uses: KeyUsage[]) =>
    crypto.subtle.deriveKey(
      { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: utf8(info) },
      base,
      type,
      false,
      uses,
    );
  const names = await derive('amplet sites: names, 1', { name: 'HMAC', hash: 'SHA-256', length: 256 }, ['sign']);
  const contents = await derive('amplet sites: contents, 1', { name: 'AES-GCM', length: 256 }, ['encrypt']);
  const name = Buffer.from(await crypto.subtle.sign('HMAC', names, utf8(key))).toString('hex');
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const algorithm = { name: 'AES-GCM', iv, additionalData: utf8(name) };
  const data = await crypto.subtle.encrypt(algorithm, contents, utf8(JSON.stringify([key, value])));
  return [name, { iv, data }];
}

const GRANT = 'grant/https://shop.example https://shop.example';

/** A browser with an earlier release's database; `dies` is where it ends. */
async function world({ dies = '', more = [] as FormerRecords['sealed'] } = {}) {
  const state = {
    database: {
      sealed: [
        await sealed('one', GRANT, { version: 1, balance: true }),
        await sealed('one', 'sent/2', { at: 2 }),
        await sealed('another wallet', 'sent/3', { at: 3 }),
        ...more,
      ],
      open: [['sent/1', { at: 1 }]],
    } as FormerRecords | null,
    records: new Map<string, string>(),
    dies,
    commits: 0,
  };
  const step = (name: string) => {
    if (state.dies === name) throw new Error(`dies: ${name}`);
  };
  const database = {
    read: async () => (step('read'), structuredClone(state.database)),
    delete: async () => {
      step('before delete');
      state.database = null;
      step('after delete');
    },
  };
  const wallet = {
    logIn: async ({ domain, challenge }: { domain: string; challenge: string }) => ({
      key: '',
      signature: signatureOf('one', domain, challenge),
    }),
    siteRecord: async (key: string) => state.records.get(key) ?? null,
    setSiteRecords: async (changes: { key: string; value: string | null }[]) => {
      step(`before commit ${state.commits}`);
      for (const { key, value } of changes)
        if (value === null) state.records.delete(key);
        else state.records.set(key, value);
      state.commits += 1;
      step(`after commit ${state.commits - 1}`);
    },
  };
  return { state, move: () => moveFormerRecords(wallet, database) };
}

const ALL = [
  [GRANT, '{"version":1,"balance":true}'],
  ['sent/1', '{"at":1}'],
  ['sent/2', '{"at":2}'],
];

test('it moves in one transaction, and nothing is left behind', async () => {
  const { state, move } = await world();
  await move();
  expect([...state.records].sort()).toEqual(ALL);
  expect(state.database).toBeNull();
  await move();
  expect([...state.records].sort()).toEqual(ALL);
});

test('interrupted anywhere it loses nothing, and is done by the next start', async () => {
  for (const dies of [
    'read',
    'before commit 0',
    'after commit 0',
    'before delete',
    'after delete',
    'before commit 1',
    'after commit 1',
  ]) {
    const { state, move } = await world({ dies });
    await expect(move(), dies).rejects.toThrow('dies');
    expect(state.database !== null || state.records.size >= 3, dies).toBe(true);
    state.dies = '';
    await move();
    for (const [key, value] of ALL) expect(state.records.get(key ?? ''), `${dies} ${key}`).toBe(value);
    expect(state.database, dies).toBeNull();
  }
});

test('what the user took back while the database could not be deleted does not come back', async () => {
  const { state, move } = await world({ dies: 'before delete' });
  await expect(move()).rejects.toThrow('dies');
  state.records.delete(GRANT);
  state.dies = '';
  await move();
  expect([...state.records.keys()].sort()).toEqual(['sent/1', 'sent/2']);
});

test('a record that is longer than any, or was changed, keeps nobody from the rest', async () => {
  const long = await sealed('one', 'charge/1', 'x'.repeat(70_000));
  const [name, record] = await sealed('one', 'sent/9', { at: 9 });
  const { state, move } = await world({ more: [long, [`${name.slice(2)}00`, record]] });
  await move();
  expect([...state.records].sort()).toEqual(ALL);
});
