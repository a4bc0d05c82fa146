import type { Payment, Wallet } from 'amplet';
import { expect, it } from 'vitest';
import { MAX_NOTE, Notes } from '../src/app/notes.svelte.ts';

const stored = new Map([['note/inbound/b', 'kept before']]);
let fails = false;
const wallet = {
  siteRecordKeys: async (prefix: string) => {
    if (fails) throw new Error('busy');
    return [...stored.keys()].filter((key) => key.startsWith(prefix));
  },
  siteRecord: async (key: string) => stored.get(key) ?? null,
  setSiteRecords: async (records: { key: string; value: string | null }[]) => {
    for (const { key, value } of records)
      if (value === null) stored.delete(key);
      else stored.set(key, value);
  },
} as unknown as Wallet;
const [paid, received] = (['outbound', 'inbound'] as const).map((direction) => ({ id: 'b', direction })) as [
  Payment,
  Payment,
];

it('notes are kept with the wallet, one for each direction of a payment', async () => {
  const notes = new Notes();
  fails = true;
  await expect(notes.load(wallet)).rejects.toThrow('busy');
  fails = false;
  await notes.load(wallet);
  expect([notes.of(paid), notes.of(received)]).toEqual(['', 'kept before']);
  await notes.keep(wallet, paid, `  ${'x'.repeat(MAX_NOTE + 9)}`);
  expect([notes.of(paid).length, stored.get('note/outbound/b')?.length]).toEqual([MAX_NOTE, MAX_NOTE]);
  await notes.keep(wallet, received, ' ');
  expect([notes.of(received), stored.has('note/inbound/b')]).toEqual(['', false]);
  notes.clear();
  expect(notes.of(paid)).toBe('');
  await notes.load(wallet);
  expect(notes.of(paid)).toHaveLength(MAX_NOTE);
});
