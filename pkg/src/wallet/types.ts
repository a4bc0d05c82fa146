import type { Balance, Status } from '../base/protocol.ts';

/** The state of a wallet, as `onChange` tells it. */
export interface Snapshot {
  /** Connections, chain, warnings. */
  status: Status;
  /** The money. */
  balance: Balance;
}
