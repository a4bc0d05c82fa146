/** A store for `payingFetch` in Node.js: one file. */

import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FILLED, must } from '../../base/kinds.ts';
import { KeyedMutex } from '../../base/keyed-mutex.ts';
import type { Store } from '../types.ts';
import type { Json } from '../wire.ts';

/**
 * A {@link Store} in one file (JSON, readable by its owner only): each change is written whole beside it, synced, and takes its place. One
 * process at a time uses it. Its methods reject when the file cannot be read or written; one that is no JSON is left as it is.
 * @throws {WalletError} `invalidInput`
 */
export function fileStore(path: string): Store {
  must('path', path, FILLED);
  const mutex = new KeyedMutex();
  let loading: Promise<Map<string, Json>> | null = null;
  const loaded = (): Promise<Map<string, Json>> => {
    loading ??= load(path).catch((error: unknown) => {
      loading = null;
      throw error;
    });
    return loading;
  };
  const change = (work: (kept: Map<string, Json>) => void): Promise<void> =>
    mutex.run(path, async () => {
      const next = new Map(await loaded());
      work(next);
      await save(path, next);
      loading = Promise.resolve(next);
    });
  return {
    get: async (key) => structuredClone((await loaded()).get(key)),
    set: (key, value) => change((kept) => void kept.set(key, structuredClone(value))),
    delete: (key) => change((kept) => void kept.delete(key)),
    keys: async (prefix) => [...(await loaded()).keys()].filter((key) => key.startsWith(prefix)),
  };
}

async function load(path: string): Promise<Map<string, Json>> {
  try {
    return new Map(Object.entries(JSON.parse(await readFile(path, 'utf8')) as Record<string, Json>));
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return new Map();
    throw error;
  }
}

async function save(path: string, kept: ReadonlyMap<string, Json>): Promise<void> {
  const beside = `${path}.new`;
  const file = await open(beside, 'w', 0o600);
  try {
    await file.writeFile(JSON.stringify(Object.fromEntries(kept)));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(beside, path);
  const folder = await open(dirname(path), 'r');
  await folder.sync().finally(() => folder.close());
}
