// Becoming the one host that may write a wallet (design invariant 2; the storage's epoch fences whoever was robbed).

import { WalletError } from '../base/error.ts';
import { walletLock } from '../link/names.ts';
import { isNewer } from '../link/release.ts';
import type { HeldLock, Locks } from './locks.ts';
import type { HostInfo, Siblings } from './siblings.ts';

/** Time, in ms, that another host may take to finish its step and give the wallet up. */
const YIELD_MS = 5_000;

/** Time, in ms, that the lock of a worker which is just dying (its tab was reloaded) is waited for. */
const DYING_MS = 1_500;

/** The lock, or the generation of the worker that holds it and can be joined. */
export type Owned = { held: HeldLock } | { elsewhere: number };

/**
 * Takes the wallet's lock.
 * @throws {WalletError} `inUse` or `versionMismatch` when another host has it and keeps it
 */
export async function own(
  name: string,
  self: HostInfo,
  takeOver: boolean,
  locks: Locks,
  siblings: Siblings,
): Promise<Owned> {
  const lock = walletLock(name);
  const now = await locks.acquire(lock, { timeout: 0 });
  if (now !== null) return { held: now };
  const holder = await siblings.holder();
  if (holder !== null && canJoin(self, holder)) return { elsewhere: holder.generation };
  const older = holder !== null && isOlder(holder, self);
  if (holder !== null && (older || takeOver)) siblings.askToYield(holder, older ? 'newer' : 'takeOver');
  const later = await locks.acquire(lock, { timeout: holder === null ? DYING_MS : older || takeOver ? YIELD_MS : 0 });
  if (later !== null) return { held: later };
  if (takeOver) {
    const stolen = await locks.acquire(lock, { timeout: 0, steal: true });
    if (stolen !== null) return { held: stolen };
  }
  throw refusal(self, holder);
}

function canJoin(self: HostInfo, holder: HostInfo): boolean {
  return self.shared && holder.shared && self.script === holder.script && holder.version === self.version;
}

function isOlder(holder: HostInfo, self: HostInfo): boolean {
  return holder.version < self.version || (holder.version === self.version && isNewer(self.release, holder.release));
}

function refusal(self: HostInfo, holder: HostInfo | null): WalletError {
  if (holder !== null && isOlder(self, holder)) {
    return new WalletError(
      'versionMismatch',
      'A newer release of this wallet is open in another tab: reload this page to get it here.',
    );
  }
  return new WalletError(
    'inUse',
    'The wallet is open in another tab: use that tab, or take it over here (the other tab then stops).',
  );
}
