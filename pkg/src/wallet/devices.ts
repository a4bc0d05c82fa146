import type { Device } from '../base/protocol.ts';
import { text } from './arguments.ts';
import { RateRequests } from './rates.ts';

/** Requests about the devices that use a wallet by its backup. */
export abstract class DeviceRequests extends RateRequests {
  /**
   * The devices that use this wallet: this one first, then as they opened it last. Empty without a backup.
   * @throws {WalletError} `storage`
   */
  async devices(): Promise<Device[]> {
    return this.ask({ method: 'devices' });
  }

  /**
   * Names a device, for all of them.
   * @param id its id, as {@link DeviceRequests.devices} gives it
   * @param name 1 to 64 bytes
   * @throws {WalletError} `invalidInput`: the name is too long, or there is no such device
   */
  async renameDevice(id: string, name: string): Promise<void> {
    await this.ask({ method: 'renameDevice', id: text('id', id), name: text('name', name) });
  }

  /**
   * Removes another device. The backup's server refuses it from now on; it learns that with its next request, and ends with
   * `deviceRemoved`. It keeps its copy and the mnemonic: against somebody who may know the mnemonic, only a new wallet to which the
   * money is sent protects. Tell the user so.
   * @param id its id, as {@link DeviceRequests.devices} gives it
   * @throws {WalletError} `invalidInput` (no such device, or this one), `backupUnreachable`, `backupRefused`: it was not removed
   */
  async removeDevice(id: string): Promise<void> {
    await this.ask({ method: 'removeDevice', id: text('id', id) });
  }
}
