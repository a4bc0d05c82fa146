import type { Balance, Status } from '../base/protocol.ts';
import type { OpenOptions } from './open.ts';

/** The state of a wallet, as `onChange` tells it. */
export interface Snapshot {
  /** Connections, chain, warnings. */
  status: Status;
  /** The money. */
  balance: Balance;
}

/** Options of `Wallet.restore`: those of `Wallet.open` that go with a mnemonic. */
export type RestoreOptions = Omit<OpenOptions, 'mnemonic' | 'create' | 'fresh' | 'key'> & {
  /** Mnemonic of the wallet: 12 or 24 words. */
  mnemonic: string;
};
