/**
 * Every function that the package exports, called with nothing, with a wrong type and with an option that it does not know: it says
 * which argument is wrong, and what it is. An export that is not in the table fails.
 */

import assert from 'node:assert/strict';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { EngineHost } from '../../src/engine/host.ts';
import * as main from '../../src/index.ts';
import * as inline from '../../src/inline.ts';
import * as node from '../../src/node.ts';
import * as pay from '../../src/pay.ts';
import * as provider from '../../src/provider.ts';
import * as server from '../../src/server.ts';
import * as testing from '../../src/testing.ts';
import * as worker from '../../src/worker.ts';
import { Origin } from './fakes.ts';
import type { Misuse } from './misuse-values.ts';
import { METHODS } from './misused-methods.ts';
import { CALLS, CONSTANTS, NODE_CALLS } from './misuses.ts';

const page = { origin: new Origin(), hosts: [] as EngineHost[] };

vi.mock('#platform', async () => (await import('./fake-platform.ts')).fakePlatform(() => page));

const ENTRIES: Record<string, Record<string, unknown>> = { main, inline, node, pay, provider, server, testing, worker };

/** Objects whose methods are called, by class. */
const objects: Record<string, object> = {};

beforeAll(async () => {
  const options = { name: 'main', network: 'regtest', gateways: [] as string[], passphrase: 'p' } as const;
  const wallet = await main.Wallet.open({ ...options, create: true });
  const store = provider.memoryStore();
  const sessions = { get: async () => null, set: async () => {}, delete: async () => {} };
  const payer = provider.walletPayer(wallet);
  Object.assign(objects, {
    Wallet: wallet,
    Backup: wallet.backup,
    FakeWallet: testing.fakeWallet(),
    GatewayApi: new server.GatewayApi('https://gateway.example', 'amplet_1'),
    Receipts: new provider.Receipts(store),
    PaymentSessions: new provider.PaymentSessions({
      payer,
      store: sessions,
      returnInvoice: async () => 'lnbc1',
      maxDepositMsat: 1n,
      maxTotalMsat: 1n,
    }),
    paywall: server.paywall({
      invoices: server.walletInvoices(wallet),
      secret: 'x'.repeat(32),
      service: 's',
      priceMsat: 1000n,
    }),
  });
});

afterAll(async () => (objects['Wallet'] as main.Wallet | undefined)?.lock());

/** The error of a call, whether it throws or rejects. */
async function errorOf(call: () => unknown): Promise<main.WalletError> {
  try {
    const answer = await call();
    // A generator does nothing before it is asked.
    if (typeof (answer as AsyncGenerator | undefined)?.next === 'function') await (answer as AsyncGenerator).next();
  } catch (error) {
    return error as main.WalletError;
  }
  return assert.fail('it was taken');
}

/** Has all of a function's misuses refused. */
async function refused(name: string, call: (...args: unknown[]) => unknown, misuse: Misuse): Promise<void> {
  const cases: [unknown[], string][] = [...misuse.wrong];
  if (misuse.nothing !== null) cases.push([[], misuse.nothing]);
  if (misuse.unknown !== undefined) cases.push([misuse.unknown, 'unheardOf']);
  for (const [args, names] of cases) {
    const what = `${name}(${args.map((arg) => JSON.stringify(arg, (_, part: unknown) => String(part) && (typeof part === 'bigint' ? `${part}n` : part))).join(', ')})`;
    const error = await errorOf(() => call(...args));
    expect([what, error.name, error.code, error.message]).toEqual([
      what,
      'WalletError',
      'invalidInput',
      expect.stringContaining(`\`${names}\``),
    ]);
  }
}

const isClass = (value: unknown): value is new (...args: unknown[]) => object =>
  typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value));

for (const [entry, exported] of Object.entries(ENTRIES))
  for (const [name, value] of Object.entries(exported)) {
    if (CONSTANTS.includes(name)) continue;
    test(`${entry}: ${name}`, async () => {
      assert.ok(typeof value === 'function', `${name} is no function: is it a constant?`);
      const misuse = (entry === 'node' ? NODE_CALLS[name] : undefined) ?? CALLS[name];
      assert.ok(misuse, `${name} is exported by ${entry}, and misuses.ts does not know it`);
      const call = isClass(value)
        ? (...args: unknown[]) => new value(...args)
        : (value as (...args: unknown[]) => unknown);
      await refused(name, call, misuse);
    });
  }

/** The methods of an object, or of a class its static ones, by name. */
function methodsOf(object: object): string[] {
  const names = new Set<string>();
  for (
    let from = object;
    from !== Object.prototype && from !== Function.prototype;
    from = Object.getPrototypeOf(from) as object
  )
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(from)))
      if (typeof value === 'function' && name !== 'constructor') names.add(name);
  return [...names].sort();
}

for (const [name, table] of Object.entries(METHODS)) {
  const isStatic = name === 'Wallet, static';
  const find = (): object => (isStatic ? main.Wallet : objects[name]!);
  test(`${name}: every method is in the table`, () => {
    assert.deepEqual(
      Object.keys(table).sort(),
      methodsOf(find()).filter((method) => !['prototype', 'ask'].includes(method)),
    );
  });
  for (const [method, misuse] of Object.entries(table)) {
    if (misuse === null) continue;
    test(`${name}: ${method}`, async () => {
      const object = find() as Record<string, (...args: unknown[]) => unknown>;
      await refused(`${name}.${method}`, (...args) => object[method]!(...args), misuse);
    });
  }
}

test('methods work without their object', async () => {
  const { balance, onChange, takeMnemonic } = objects['Wallet'] as main.Wallet;
  assert.equal((await balance()).spendableMsat, 7n);
  assert.equal(takeMnemonic(), 'abandon ability able');
  onChange(() => {})();
  const { subscribe } = objects['Backup'] as main.Backup;
  subscribe(() => {})();
  const { receive, pay: spend } = testing.fakeWallet();
  const { invoice } = await testing.fakeWallet().receive({ amountMsat: 5n });
  assert.equal((await spend(invoice)).amountMsat, 5n);
  assert.ok((await receive()).invoice);
  assert.deepEqual(Object.keys(objects['Receipts']!), []);
  const { unheardOf: none } = objects['GatewayApi'] as unknown as { unheardOf: undefined };
  assert.equal(none, undefined);
});
