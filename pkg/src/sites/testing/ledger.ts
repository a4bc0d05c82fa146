/** The books of a pretended wallet: what it has, what was asked of it, what it asks of others. */

import type { Balance, Network, Payment, Status } from '../../base/protocol.ts';

/** A balance with this much to spend, in msat. */
export const balanceOf = (spendableMsat: bigint): Balance => ({
  lightningMsat: spendableMsat,
  spendableMsat,
  pendingOutboundMsat: 0n,
  pendingInboundMsat: 0n,
  channelReserveMsat: 0n,
  closeCostMsat: 0n,
  trustedMsat: 0n,
  receivableMsat: 100_000_000_000n,
  closingSat: 0n,
  onchainSat: 0n,
  onchainPendingSat: 0n,
  reserveSat: 0n,
});

/** The state of a wallet that has nothing to complain about. `now`: seconds since the UNIX epoch. */
export const statusOf = (network: Network, nodeId: string, commits: bigint, now: bigint): Status => ({
  network,
  nodeId,
  ableToPay: true,
  chain: {
    height: 100,
    hash: '00'.repeat(32),
    time: now,
    tipAge: 'recent',
    synced: true,
    checkedAt: now,
    blocksLeft: 0,
    trust: { sources: 1, agreeing: 1, misbehaving: [] },
    error: null,
  },
  gateways: [],
  warnings: [],
  depositNeededSat: 0n,
  safeUntil: null,
  storage: null,
  backup: null,
  damaged: [],
  commits,
});

/** A record of the history that has just begun. */
export const begun = (
  record: Pick<Payment, 'id' | 'direction' | 'amountMsat' | 'description' | 'invoice' | 'createdAt' | 'expiresAt'>,
): Payment => ({
  kind: 'bolt11',
  feeMsat: record.direction === 'outbound' ? 0n : null,
  payee: null,
  preimage: null,
  txid: null,
  confirmations: 0,
  hops: null,
  settledAt: null,
  durationMs: null,
  parts: [],
  ...record,
  state: 'pending',
});
