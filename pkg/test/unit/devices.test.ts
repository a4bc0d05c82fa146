import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { Request } from '../../src/base/protocol.ts';
import { DeviceRequests } from '../../src/wallet/devices.ts';

class Asked extends DeviceRequests {
  constructor(asked: Request[]) {
    super((request) => Promise.resolve(void asked.push(request)));
  }
}

test('devices are asked for, named and removed', async () => {
  const asked: Request[] = [];
  const wallet = new Asked(asked);
  await wallet.devices();
  await wallet.renameDevice('02ab', 'Phone');
  await wallet.removeDevice('02ab');
  assert.deepEqual(asked, [
    { method: 'devices' },
    { method: 'renameDevice', id: '02ab', name: 'Phone' },
    { method: 'removeDevice', id: '02ab' },
  ]);
  await assert.rejects(wallet.removeDevice(1 as never), { code: 'invalidInput' });
  await assert.rejects(wallet.renameDevice('02ab', undefined as never), { code: 'invalidInput' });
  assert.equal(asked.length, 3);
});
