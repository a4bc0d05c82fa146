/** What went wrong while a device was added, in the user's words: the same codes mean something of their own there. */

import type { WalletError } from 'amplet';
import { m } from '../paraglide/messages.js';

type Coded = Pick<WalletError, 'code'>;

/** On the device that has the wallet. */
export function offeringProblem({ code }: Coded): string {
  switch (code) {
    case 'invalidInput':
      return m.addDevice_wrongNumber();
    case 'cancelled':
      return m.addDevice_thirdNumber();
    case 'inUse':
      return m.addDevice_used();
    default:
      return joiningProblem({ code });
  }
}

/** On the device that is added. */
export function joiningProblem({ code }: Coded): string {
  switch (code) {
    case 'invalidInput':
      return m.pair_noCode();
    case 'inUse':
      return m.pair_used();
    case 'expired':
      return m.pair_expired();
    case 'corrupt':
      return m.pair_unreadable();
    case 'gatewayOffline':
      return m.pair_offline();
    default:
      return m.pair_refused();
  }
}
