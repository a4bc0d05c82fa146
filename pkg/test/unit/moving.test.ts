/** A wallet that moves between devices: who is told, and who takes it back. */

import assert from 'node:assert/strict';
import { beforeEach, test, vi } from 'vitest';
import type { BackupStatus, OtherDevice, RestoreProgress } from '../../src/base/protocol.ts';
import type { EngineHost } from '../../src/engine/host.ts';
import { type OpenOptions, Wallet } from '../../src/index.ts';
import { Origin, sleep } from './fakes.ts';

const page = { origin: new Origin(), hosts: [] as EngineHost[], derive: async () => {} };

vi.mock('#platform', async () => (await import('./fake-platform.ts')).fakePlatform(() => page));

const OPTIONS: OpenOptions = { name: 'main', network: 'regtest', gateways: [], passphrase: 'p' };
const PHONE: OtherDevice = { name: 'Phone', since: 5n };

beforeEach(() => {
  Object.assign(page, { origin: new Origin(), hosts: [] });
});

/** The engine tells how its backup stands. */
function tell(backup: Partial<BackupStatus> | null): void {
  for (const listener of page.origin.engines.at(-1)!.listeners.values())
    listener({ notice: 'changed', status: { backup } as never, balance: {} as never });
}

/** Another device takes the wallet. */
async function taken(): Promise<void> {
  const error = { code: 'movedToAnotherDevice' as const, message: 'elsewhere', causes: [], device: PHONE };
  for (const listener of page.origin.engines.at(-1)!.listeners.values()) listener({ notice: 'stopped', error });
  await sleep(100);
  page.origin.elsewhere = PHONE;
  page.hosts = []; // the worker has ended: the next page starts another
}

test('a wallet that another device has is opened only by moving it', async () => {
  await (await Wallet.open({ ...OPTIONS, create: true })).lock();
  page.origin.elsewhere = PHONE;
  await assert.rejects(Wallet.open(OPTIONS), { code: 'movedToAnotherDevice', device: PHONE });
  const heard: RestoreProgress[] = [];
  const wallet = await Wallet.open({ ...OPTIONS, moveHere: true, onProgress: (progress) => heard.push(progress) });
  assert.deepEqual(heard, [{ done: 1, of: 2 }]);
  await wallet.lock();
});

test('a device that lost it is told which one has it, and takes it back when it is asked to', async () => {
  const wallet = await Wallet.open({ ...OPTIONS, create: true });
  tell({ state: 'current' });
  await sleep(5);
  assert.equal(wallet.backup.status?.state, 'current');
  await taken();
  const ended = await wallet.ended;
  assert.deepEqual([ended.code, ended.device], ['movedToAnotherDevice', PHONE]);
  await assert.rejects(wallet.balance(), { code: 'movedToAnotherDevice' });
  await assert.rejects(wallet.pay('lnbc1'), { code: 'movedToAnotherDevice', outcome: 'notSent' });
  const again = await wallet.moveHere();
  assert.equal((await again.balance()).spendableMsat, 7n);
  await assert.rejects(wallet.moveHere(), { code: 'closed' }, 'the key is gone with its use');
  await again.lock();
});

test('a wallet without a backup keeps no key', async () => {
  const wallet = await Wallet.open({ ...OPTIONS, create: true });
  tell(null);
  await sleep(5);
  await taken();
  await wallet.ended;
  await assert.rejects(wallet.moveHere(), { code: 'closed' });
});

test('nor does one that was closed', async () => {
  const wallet = await Wallet.open({ ...OPTIONS, create: true });
  tell({ state: 'current' });
  await sleep(5);
  await wallet.close();
  await assert.rejects(wallet.moveHere(), { code: 'closed' });
});

test('restoring wants words', async () => {
  await assert.rejects(Wallet.restore({ ...OPTIONS, mnemonic: ' ' }), { code: 'invalidMnemonic' });
  await assert.rejects(Wallet.restore({ ...OPTIONS, mnemonic: 'a', file: 'text' as never }), { code: 'invalidInput' });
});
