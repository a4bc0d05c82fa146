/** The page's side of a backup: options, the store, progress, and a wallet that another device has taken. */

import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { WalletError } from '../../src/base/error.ts';
import type { BackupStatus, Request } from '../../src/base/protocol.ts';
import { readToHost, readToPage } from '../../src/link/wire.ts';
import { Backup, toBackup } from '../../src/wallet/backup.ts';

const code = (error: unknown): string => (error as WalletError).code;
const URL_ = 'https://gateway.example/vss/v1';
const status = (state: BackupStatus['state']): BackupStatus => ({
  url: URL_,
  mode: 'required',
  deviceName: 'Phone',
  state,
  since: 5n,
  active: true,
  records: 3,
  sentBytes: 100n,
  requests: 2n,
  error: null,
});

test('options are checked by name, and have their defaults', () => {
  assert.deepEqual(toBackup({ url: URL_ }), { url: URL_, deviceName: 'Unnamed device' });
  assert.deepEqual(toBackup({ url: URL_, mode: 'lagging', deviceName: 'Phone' }), {
    url: URL_,
    mode: 'lagging',
    deviceName: 'Phone',
  });
  const wrong = [{ uri: URL_ }, { url: URL_, mode: 'later' }, { url: 5 }, { url: URL_, deviceName: 5 }, 'https://x'];
  for (const given of wrong)
    assert.throws(
      () => toBackup(given as never),
      (error) => code(error) === 'invalidInput',
    );
});

test('the store tells the present status and each change once', async () => {
  const asked: Request[] = [];
  const backup = new Backup(async (request) => {
    asked.push(request);
    return request.method === 'setBackup' ? status('current') : null;
  });
  const seen: (string | null)[] = [];
  const end = backup.subscribe((now) => seen.push(now?.state ?? null));
  await backup.set({ url: URL_, deviceName: 'Phone' });
  backup.change(status('current'));
  backup.change(status('unreachable'));
  assert.equal(backup.status?.state, 'unreachable');
  await backup.end();
  end();
  backup.change(status('behind'));
  assert.deepEqual(seen, [null, 'current', 'unreachable', null]);
  assert.deepEqual(asked, [
    { method: 'setBackup', url: URL_, deviceName: 'Phone' },
    { method: 'endBackup', abandon: false },
  ]);
});

test('a file of many bytes passes the border, and progress comes back over it', () => {
  const options = { name: 'w', network: 'regtest', gateways: [], chainSources: [], fresh: false };
  const call = {
    method: 'open',
    options: { ...options, mnemonic: 'legal', file: new Uint8Array(5_000_000) },
    key: new Uint8Array(32),
    source: new Uint8Array(8),
    takeOver: false,
    log: [],
  };
  assert.equal(typeof readToHost({ kind: 'call', id: 1, call }), 'object');
  const progress = { kind: 'progress', id: 1, progress: { done: 1, of: 9 } };
  assert.deepEqual(readToPage(progress), progress);
  assert.equal(readToPage({ kind: 'progress', id: 1 }), null);
});
