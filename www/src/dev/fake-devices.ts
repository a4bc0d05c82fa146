/** The devices of a pretended wallet with a backup. */

import type { Device, OpenOptions } from 'amplet';
import { WalletError } from './fake-error.ts';
import { UnlockedWallet } from './fake-unlocking.ts';
import { PHONE } from './sample-backup.ts';

const now = (): bigint => BigInt(Math.floor(Date.now() / 1000));
const scenario = new URL(location.href).searchParams.get('scenario') ?? 'full';

const DEVICES: Device[] = [
  { id: '02aa', name: 'Chrome, Linux', added: now() - 9_000_000n, lastSeen: now() - 20n, this: true },
  { id: '02bb', name: PHONE.name, added: now() - 800_000n, lastSeen: now() - 7_000n, this: false },
  {
    id: '02cc',
    name: 'The old laptop in the cellar',
    added: now() - 9_000_000n,
    lastSeen: now() - 99_000n,
    this: false,
  },
];

/** What keeps this device from opening the wallet, in scenarios of that. */
export function refuseOpening({ backup, fresh, moveHere }: OpenOptions): void {
  if (scenario === 'notFound' && backup && !fresh)
    throw new WalletError('backupNotFound', 'There is no backup of these words.');
  if (scenario === 'removed') throw new WalletError('deviceRemoved', 'This device was removed.');
  if (scenario === 'moved' && moveHere !== true)
    throw new WalletError('movedToAnotherDevice', 'Another device has the wallet.', PHONE);
}

/** See the head of this file. */
export class SharedWallet extends UnlockedWallet {
  #devices = DEVICES;

  async devices(): Promise<Device[]> {
    return this.#devices;
  }

  async renameDevice(id: string, name: string): Promise<void> {
    this.#devices = this.#devices.map((device) => (device.id === id ? { ...device, name } : device));
  }

  async removeDevice(id: string): Promise<void> {
    if (scenario === 'backupAway') throw new WalletError('backupUnreachable', 'The server is away.');
    this.#devices = this.#devices.filter((device) => device.id !== id);
  }
}
