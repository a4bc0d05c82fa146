/** The database in which earlier releases of the extension kept what they knew of sites, as they made it. */

import type { Page } from '@playwright/test';

/** Words of the wallet that sealed it. */
export const WORDS = 'abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about';
export const NAME = 'amplet-sites';
/** That the user let in https://shop.example, in hex: name, nonce and contents. Written by the extension at f3af328. */
const SEALED = [
  'd71dc27060976f9465298c1bd9f99160f4afe6a5a5c5998b7b8fa40e5ca64663',
  '5a8ebf029cf842535762d240',
  '424beced5dfa8ebd5b799b69b078b12bb913980ed7f6b036e203cec05aef8a9adf9816704738651b839c530b53600d07' +
    '7b176070496d0b1d36b54c701512469b2163d6b051757c3f8b9987971bdc4e82e3168930b9e39861cd2ce8f87445d860af',
] as const;
/** From before anything was sealed. */
const OPEN = ['grant/https://old.example https://old.example', { version: 1, balance: false }] as const;

/** Makes it, in the origin of `own`. */
export async function makeFormerDatabase(own: Page): Promise<void> {
  await own.evaluate(
    ([database, [name, iv, data], [key, value]]) =>
      new Promise<void>((resolve, reject) => {
        const bytes = (hex: string): Uint8Array =>
          Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16));
        const request = indexedDB.open(database, 2);
        request.onupgradeneeded = () => {
          request.result.createObjectStore('sealed').put({ iv: bytes(iv), data: bytes(data).buffer }, name);
          request.result.createObjectStore('notes').put(value, key);
        };
        request.onerror = () => reject(request.error ?? new Error('the database does not open'));
        request.onsuccess = () => {
          request.result.close();
          resolve();
        };
      }),
    [NAME, SEALED, OPEN] as const,
  );
}

/** Names of the databases of the extension, in the origin of `own`. */
export const databasesOf = (own: Page): Promise<string[]> =>
  own.evaluate(async () => (await indexedDB.databases()).map(({ name = '' }) => name));
