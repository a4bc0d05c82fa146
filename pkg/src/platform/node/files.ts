// The files of one wallet: a claim or a journal per epoch, of which the newest counts. The one before stays until the newest has
// a commit of its own.

import { mkdir, open, readdir, readFile, rename, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { nothing, read, type Journal } from './journal.ts';

/** The files in a wallet's folder. */
export class Files {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** The latest epoch that anybody has claimed; 0 when nobody has. */
  async epoch(): Promise<bigint> {
    return maximum(await this.#names(), /^(\d+)\.(?:claim|journal)$/);
  }

  /** Claims an epoch for the caller; false when somebody else has. */
  async claim(epoch: bigint): Promise<boolean> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    try {
      const file = await open(join(this.folder, `${epoch}.claim`), 'wx', 0o600);
      await file.sync();
      await file.close();
    } catch (error) {
      if (hasCode(error, 'EEXIST')) return false;
      throw error;
    }
    await this.#sync();
    return true;
  }

  /** The newest journal and its epoch. */
  async newest(): Promise<{ epoch: bigint; journal: Journal }> {
    for (;;) {
      const epoch = maximum(await this.#names(), /^(\d+)\.journal$/);
      if (epoch === 0n) return { epoch, journal: nothing() };
      const file = await this.#read(epoch);
      if (file !== null) return { epoch, journal: read(file, this.path(epoch)) };
    }
  }

  /** Writes a whole journal beside its place, durably, and returns what can be read there. */
  async draft(epoch: bigint, content: Buffer): Promise<Buffer> {
    const path = join(this.folder, `${epoch}.new`);
    const file = await open(path, 'w', 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    return readFile(path);
  }

  /** Puts what was drafted in its place, durably, and opens it for appending. */
  async publish(epoch: bigint): Promise<FileHandle> {
    await rename(join(this.folder, `${epoch}.new`), this.path(epoch));
    await this.#sync();
    return open(this.path(epoch), 'a', 0o600);
  }

  /** Removes what epochs before this one left, but for the journal of `kept`. */
  async tidy(epoch: bigint, kept?: bigint): Promise<void> {
    for (const name of await this.#names()) {
      const of = /^(\d+)\.(?:claim|journal|new)$/.exec(name)?.[1];
      if (of === undefined || BigInt(of) >= epoch || name === `${kept}.journal`) continue;
      await rm(join(this.folder, name), { force: true });
    }
  }

  /** The path of an epoch's journal. */
  path(epoch: bigint): string {
    return join(this.folder, `${epoch}.journal`);
  }

  async #read(epoch: bigint): Promise<Buffer | null> {
    try {
      return await readFile(this.path(epoch));
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return null; // a later epoch has tidied up meanwhile
      throw error;
    }
  }

  async #names(): Promise<string[]> {
    try {
      return await readdir(this.folder);
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return [];
      throw error;
    }
  }

  /** Makes names durable; where folders cannot be synced (Windows) they are without that. */
  async #sync(): Promise<void> {
    if (process.platform === 'win32') return;
    const folder = await open(this.folder, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }
}

function maximum(names: string[], pattern: RegExp): bigint {
  return names.reduce((most, name) => {
    const epoch = BigInt(pattern.exec(name)?.[1] ?? 0);
    return epoch > most ? epoch : most;
  }, 0n);
}

/** Returns whether a caught error has this code. */
export const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code;
