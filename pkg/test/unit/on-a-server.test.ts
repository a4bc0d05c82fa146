/** What a page's entry says where there is no page: each of its exports, called rightly, on a server. */

import assert from 'node:assert/strict';
import { test } from 'vitest';
import * as page from '../../src/index.ts';
import { definePay } from '../../src/pay.ts';
import { localStore } from '../../src/provider.ts';
import { OPEN, SETTINGS, WORDS } from './misuse-values.ts';

/** What wants a page, and arguments that are right in one. */
const REFUSED: Record<string, unknown[]> = {
  unlockKey: ['main', 'p'],
  checkMnemonic: ['abandon'],
  generateMnemonic: [],
  suggestWords: ['a'],
  checkGateway: ['02@wss://x'],
  loadSettings: [],
  saveSettings: [SETTINGS],
};
const STATIC: Record<string, unknown[]> = {
  open: [OPEN],
  restore: [WORDS],
  exists: ['main'],
  unlocking: ['main'],
  revealMnemonic: ['main', 'p'],
  destroy: ['main'],
};
/** What works anywhere: it needs no storage, no worker and no wasm. */
const ANYWHERE = [
  'WalletError',
  'Wallet',
  'init',
  'passkeysAvailable',
  'loadRates',
  'joinPairing',
  'offerPairing',
  'budgetCode',
  'BudgetLinks',
  'serveBudgets',
];

const onAServer = { code: 'notAllowedHere', message: /not while rendering on a server.*`amplet\/node`/ };
const called = async (owner: object, name: string, args: unknown[]): Promise<unknown> =>
  (owner as Record<string, (...args: unknown[]) => unknown>)[name]!(...args);

test('each says that it is for a page, and what Node.js has', async () => {
  assert.deepEqual(Object.keys(page).sort(), [...Object.keys(REFUSED), ...ANYWHERE].sort());
  for (const [name, args] of Object.entries(REFUSED)) await assert.rejects(called(page, name, args), onAServer, name);
  for (const [name, args] of Object.entries(STATIC))
    await assert.rejects(called(page.Wallet, name, args), onAServer, name);
});

test('what works anywhere does', async () => {
  await page.init();
  assert.equal(await page.passkeysAvailable(), false);
  definePay();
  await assert.rejects(localStore().get('a'), { code: 'notAllowedHere', message: /`fileStore` of `amplet\/node`/ });
});
