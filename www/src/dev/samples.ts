/** Samples that the pretended engine of `--mode fake` shows. */

import type { Balance, Channel, Gateway, LostChannels, Payment, PaymentMethod, Status } from 'amplet';
import { engineText } from './fake-error.ts';
import { backupOf } from './sample-backup.ts';
import { NODE_A, NODE_B, part, PAYEE, threeParts } from './sample-parts.ts';

export { engineText, PAYEE };

export const WORDS =
  'abandon ability able about above absent absorb abstract absurd abuse access accident account accuse achieve acid acoustic acquire across act action actor actress actual crane crash crater crawl crazy legal legend leisure lemon river road roast robot thank winner wave year yellow zebra zoo'.split(
    ' ',
  );
export const MNEMONIC = 'legal winner thank year wave crane crater robot river lemon zebra yellow';
export const PASSPHRASE = 'a quiet river under the bridge';

const HASH = 'f0a9b2c43cde5f1a0d27c1c90b6aa9b3e4a1e1f2d3c4b5a697887766554433';
const TXID = '4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b';

export const now = (): bigint => BigInt(Math.floor(Date.now() / 1000));
export const id = (index: number): string => HASH + index.toString(16).padStart(2, '0');

export const GATEWAYS: Gateway[] = [
  { address: `${NODE_A}@ws://127.0.0.1:9911`, trustZeroConf: true },
  { address: `${NODE_B}@wss://gateway.example.org`, trustZeroConf: false },
];

export const INVOICE =
  'lnbcrt250u1pjx0000pp5lycg5kqk0d5cqsmmhf7q4whs8k0qu2g8m4v3vz9m4e0h0f5wq8msdqqcqzzsxqrrsssp5f7h0y0p0s8f3x8t0n5kpyzkvw5mkqlsm7nq6e9wck8dxjqnvkm5q9qyyssq8q9yq3m3p0k4g0yz6z8g7m2k3h9w7f4';
export const ADDRESS = 'bcrt1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqvg32hk';

const blank = {
  invoice: null,
  payee: null,
  preimage: null,
  txid: null,
  confirmations: 0,
  hops: null,
  settledAt: null,
  expiresAt: null,
  durationMs: null,
  parts: [],
};

/** Everything was sent, and waits. */
export const sentAll = (): Payment => ({
  ...blank,
  id: id(8),
  direction: 'outbound',
  kind: 'onchain',
  state: 'pending',
  amountMsat: 49_692_000n,
  feeMsat: 308_000n,
  description: '',
  txid: TXID,
  confirmations: 0,
  createdAt: now() - 60n,
});

export function payments(): Payment[] {
  const at = now();
  return [
    {
      ...blank,
      id: id(1),
      direction: 'outbound',
      kind: 'bolt11',
      state: 'succeeded',
      amountMsat: 25_000_000n,
      feeMsat: 26_012n,
      description: 'Two coffees and a slice of cake',
      invoice: INVOICE,
      payee: PAYEE,
      preimage: id(90),
      hops: 2,
      parts: [part([NODE_A, PAYEE], 25_000_000n, 'succeeded')],
      createdAt: at - 640n,
      settledAt: at - 640n,
      durationMs: 118n,
    },
    {
      ...blank,
      id: id(2),
      direction: 'inbound',
      kind: 'bolt11',
      state: 'succeeded',
      amountMsat: 12_500_000n,
      feeMsat: null,
      description: 'Cinema tickets',
      invoice: INVOICE,
      preimage: id(91),
      createdAt: at - 7_300n,
      settledAt: at - 7_290n,
      expiresAt: at - 3_700n,
    },
    {
      ...blank,
      id: id(9),
      direction: 'inbound',
      kind: 'bolt11',
      state: 'pending',
      amountMsat: 600_000_000n,
      feeMsat: null,
      description: 'Rent of the boat',
      invoice: INVOICE,
      createdAt: at - 120n,
      expiresAt: at + 3_480n,
    },
    {
      ...blank,
      id: id(3),
      direction: 'outbound',
      kind: 'bolt11',
      state: 'failed',
      error: { code: 'noRoute', message: engineText('no route'), causes: [] },
      amountMsat: 900_000_000n,
      feeMsat: null,
      description: 'Bicycle, second hand',
      invoice: INVOICE,
      payee: PAYEE,
      createdAt: at - 90_000n,
      settledAt: at - 89_990n,
    },
    {
      ...blank,
      id: id(4),
      direction: 'outbound',
      kind: 'channelOpen',
      state: 'succeeded',
      amountMsat: 1_000_000_000n,
      feeMsat: 308_000n,
      description: '',
      txid: TXID,
      confirmations: 144,
      createdAt: at - 180_000n,
      settledAt: at - 176_000n,
    },
    {
      ...blank,
      id: id(5),
      direction: 'inbound',
      kind: 'onchain',
      state: 'succeeded',
      amountMsat: 2_500_000_000n,
      feeMsat: null,
      description: '',
      txid: TXID,
      confirmations: 160,
      createdAt: at - 260_000n,
      settledAt: at - 256_000n,
    },
    {
      ...blank,
      id: id(6),
      direction: 'inbound',
      kind: 'onchain',
      state: 'pending',
      amountMsat: 40_000_000n,
      feeMsat: null,
      description: '',
      txid: TXID,
      confirmations: 0,
      createdAt: at - 300_000n,
    },
    {
      ...blank,
      id: id(7),
      direction: 'outbound',
      kind: 'bolt11',
      state: 'succeeded',
      amountMsat: 25_000_000n,
      feeMsat: 25_000n,
      description: 'Train tickets',
      invoice: INVOICE,
      payee: PAYEE,
      preimage: id(92),
      hops: 3,
      createdAt: at - 340_000n,
      settledAt: at - 339_999n,
      durationMs: 742n,
      parts: threeParts('succeeded'),
    },
  ];
}

const terms = {
  opensChannels: true,
  needsToken: false,
  minCapacitySat: 50_000n,
  maxCapacitySat: 10_000_000n,
  maxChannelsPerPeer: 3,
  zeroConf: true,
  feeBaseMsat: 1000,
  feePpm: 1000,
};

export function channels(scenario: string): Channel[] {
  return [
    {
      id: id(20),
      gateway: NODE_A,
      state: scenario === 'oldCopy' ? 'offline' : 'ready',
      capacitySat: 1_000_000n,
      balanceMsat: 624_321_988n,
      pendingOutboundMsat: 21_000n,
      pendingInboundMsat: 0n,
      reserveMsat: 10_000_000n,
      closeCostMsat: 944_000n,
      togetherCostMsat: 1_385_988n,
      outboundMsat: 614_000_000n,
      inboundMsat: 366_000_000n,
      trusted: false,
      watchedBy: 1,
      funding: `${TXID}:0`,
    },
    {
      id: id(21),
      gateway: NODE_B,
      state: 'confirming',
      confirmations: 1,
      needed: 3,
      capacitySat: 500_000n,
      balanceMsat: 0n,
      pendingOutboundMsat: 0n,
      pendingInboundMsat: 0n,
      reserveMsat: 0n,
      closeCostMsat: 0n,
      togetherCostMsat: 0n,
      outboundMsat: 0n,
      inboundMsat: 490_000_000n,
      trusted: true,
      watchedBy: 0,
      funding: `${TXID}:1`,
    },
  ];
}

/** A channel that was just opened from savings. */
export const opened = (gateway: string, capacitySat: bigint): Channel => ({
  id: id(80),
  gateway,
  state: 'confirming',
  confirmations: 0,
  needed: 3,
  capacitySat,
  balanceMsat: capacitySat * 1000n,
  pendingOutboundMsat: 0n,
  pendingInboundMsat: 0n,
  reserveMsat: capacitySat * 10n,
  closeCostMsat: 944_000n,
  togetherCostMsat: 1_385_000n,
  outboundMsat: capacitySat * 990n,
  inboundMsat: 0n,
  trusted: false,
  watchedBy: 1,
  funding: `${id(81)}:0`,
});

const EMPTY: Balance = {
  lightningMsat: 0n,
  spendableMsat: 0n,
  pendingOutboundMsat: 0n,
  pendingInboundMsat: 0n,
  channelReserveMsat: 0n,
  closeCostMsat: 0n,
  trustedMsat: 0n,
  receivableMsat: 0n,
  closingSat: 0n,
  onchainSat: 0n,
  onchainPendingSat: 0n,
  reserveSat: 0n,
};
const FULL: Balance = {
  lightningMsat: 624_321_988n,
  spendableMsat: 614_000_000n,
  pendingOutboundMsat: 21_000n,
  pendingInboundMsat: 0n,
  channelReserveMsat: 10_000_000n,
  closeCostMsat: 944_000n,
  trustedMsat: 10_000_000n,
  receivableMsat: 856_000_000n,
  closingSat: 12_000n,
  onchainSat: 1_499_692n,
  onchainPendingSat: 40_000n,
  reserveSat: 25_000n,
};

export function balance(scenario: string): Balance {
  if (scenario === 'new' || scenario === 'none') return EMPTY;
  return scenario === 'down' ? { ...FULL, spendableMsat: 0n, receivableMsat: 0n } : FULL;
}

const WARNINGS: Record<string, Status['warnings']> = {
  new: ['noAnchorReserve', 'singleSource'],
  down: ['oldTip', 'longUnsynced'],
  oldCopy: ['oldCopy'],
  otherInstallation: ['otherInstallation'],
};

const safeUntil = (hours: bigint) => ({ height: 901_000 + 6 * Number(hours), at: now() + hours * 3600n });

const LOST: LostChannels = {
  asksToClose: false,
  gateways: [
    {
      gateway: NODE_A,
      answeredAt: 1_790_000_000n,
      wrongTime: false,
      installations: [
        {
          nodeId: NODE_B,
          state: 'open',
          closesAt: null,
          channels: [{ channelId: TXID, capacitySat: 400_000n, walletSat: 182_340n }],
          listed: [],
        },
      ],
    },
  ],
  peers: [],
};

export function status(scenario: string): Status {
  const at = now();
  const down = scenario === 'down';
  const oldCopy = scenario === 'oldCopy';
  const offered = down || oldCopy ? null : { ...terms, needsToken: scenario === 'tokens' };
  const waiting = {
    state: 'waiting' as const,
    until: at + 14n,
    error: { code: 'gatewayOffline' as const, message: engineText('the gateway is away'), causes: [] },
  };
  const connection = down ? waiting : { state: oldCopy ? ('off' as const) : ('connected' as const) };
  return {
    network: 'signet',
    nodeId: NODE_B,
    ableToPay: !down && !oldCopy && scenario !== 'new',
    chain: {
      height: 212,
      hash: TXID,
      time: at - 300n,
      tipAge: down ? 'stale' : 'recent',
      synced: !down,
      checkedAt: down ? null : at - 4n,
      blocksLeft: 0,
      trust: { sources: scenario === 'new' ? 1 : 2, agreeing: scenario === 'new' ? 1 : 2, misbehaving: [] },
      error: null,
    },
    gateways: [
      { nodeId: NODE_A, url: 'ws://127.0.0.1:9911', connection, terms: offered },
      { nodeId: NODE_B, url: 'wss://gateway.example.org', connection, terms: offered },
    ],
    depositNeededSat: 0n,
    safeUntil: scenario === 'new' || scenario === 'none' ? null : safeUntil(scenario === 'soon' ? 5n : 312n),
    warnings: WARNINGS[scenario] ?? [],
    storage: null,
    backup: backupOf(scenario),
    damaged: [],
    commits: 12n,
    ...(scenario === 'lost' ? { lost: LOST } : {}),
  };
}

export const OFFER: PaymentMethod = {
  kind: 'bolt12',
  lightning: true,
  name: null,
  problem: { code: 'invalidPaymentRequest', message: engineText('an offer'), causes: [] },
  offer: {
    amountMsat: null,
    price: { currency: 'EUR', minorUnits: 350n },
    description: 'Two coffees',
    issuer: 'Café Nora',
    expiresAt: null,
    maxQuantity: null,
  },
};
