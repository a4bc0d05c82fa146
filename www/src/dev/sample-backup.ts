/** A pretended backup, and a pretended other device. */

import type { BackupOptions, BackupStatus, OtherDevice, PairedWallet, PairingJoin } from 'amplet';
import { WalletError } from './fake-error.ts';

const now = (): bigint => BigInt(Math.floor(Date.now() / 1000));
const SERVER = 'https://gateway.example.org/vss/v1';

const STATES: Record<string, Partial<BackupStatus>> = {
  backup: {},
  passkeyBackup: {},
  backupBehind: { state: 'behind', since: now() - 95n },
  backupAway: { state: 'unreachable', since: now() - 740n },
  backupLagging: { state: 'unreachable', since: now() - 740n, mode: 'lagging' },
  backupFull: {
    state: 'refused',
    since: now() - 60n,
    error: { code: 'storageFull', message: '⚙ the quota is used up', causes: [] },
  },
};

/** The backup of a scenario that has one. */
export function backupOf(scenario: string): BackupStatus | null {
  const state = STATES[scenario];
  return state === undefined ? null : { ...backupAt({ url: SERVER }), ...state };
}

/** One that was just turned on. */
export const backupAt = ({ url, mode = 'required', deviceName = 'Chrome, Linux' }: BackupOptions): BackupStatus => ({
  url,
  mode,
  deviceName,
  state: 'current',
  since: now() - 5n,
  active: true,
  records: 41,
  sentBytes: 180_224n,
  requests: 62n,
  error: null,
});

/** `wallet.backup`, over what is shown of it. */
export const fakeBackup = (get: () => BackupStatus | null, set: (backup: BackupStatus | null) => void) => ({
  set: async (options: BackupOptions): Promise<BackupStatus> => {
    const backup = backupAt(options);
    set(backup);
    return backup;
  },
  end: async ({ abandon = false } = {}): Promise<void> => {
    if (get()?.state === 'unreachable' && !abandon) throw new WalletError('backupUnreachable', 'The server is away.');
    set(null);
  },
  export: async (): Promise<Uint8Array> => new Uint8Array(1000),
});

/** The device that has the wallet in the scenario `moved`. */
export const PHONE: OtherDevice = { name: 'Firefox, Android', since: now() - 180n };

const CODE = 'pair1qL5vY7wXo2uH8kJ3mN9pT1aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789abcdefghijklmnopqrstuvwxyzABCDEF';

/** As in the package: with `&joins` in the page's address somebody joins soon. */
export async function offerPairing(): Promise<object> {
  const joins = new URL(location.href).searchParams.has('joins');
  return {
    code: CODE,
    expiresAt: now() + 600n,
    joined: new Promise((resolve) => {
      if (joins) setTimeout(() => resolve(PHONE.name), 300);
    }),
    confirm: async () => undefined,
  };
}

/** As in the package: `pair1sent` is sent the wallet at once. */
export async function joinPairing(code: string, mnemonic: string): Promise<PairingJoin> {
  const wallet: PairedWallet = { mnemonic, network: 'signet', gateways: [], chainSources: [], backupUrl: SERVER };
  return {
    number: '482913',
    wallet: code.includes('pair1sent') ? Promise.resolve(wallet) : new Promise(() => undefined),
  };
}
