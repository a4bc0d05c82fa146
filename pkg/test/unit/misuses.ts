/** What is given wrongly to each function of the package, and which argument its error names. */

import {
  UNKNOWN,
  OPEN,
  HOLDER,
  PAYER,
  WALLET,
  SESSIONS,
  FETCH,
  WALL,
  PAIRED,
  OFFER,
  TRANSPORT,
  WINDOW,
  WEBLN,
  TERMS,
  SETTINGS,
  text,
  signal,
  type Misuse,
} from './misuse-values.ts';

/** Exports that are no functions, and errors, which the package makes. */
export const CONSTANTS = ['WIRE_VERSION', 'ENGLISH', 'WalletError', 'PaidFetchError', 'ProviderError', 'GatewayError'];

/** By name of the export. */
export const CALLS: Record<string, Misuse> = {
  init: {
    nothing: null,
    wrong: [
      [[{ wasm: 5 }], 'wasm'],
      [['/x.wasm'], 'init'],
    ],
    unknown: [UNKNOWN],
  },
  Wallet: { nothing: 'Wallet', wrong: [[[OPEN], 'Wallet']] },
  unlockKey: {
    nothing: 'name',
    wrong: [
      [[5], 'name'],
      [['main'], 'unlock'],
      [['main', 5], 'unlock'],
    ],
    unknown: ['main', UNKNOWN],
  },
  passkeysAvailable: { nothing: null, wrong: [] },
  budgetCode: text('text'),
  budgetPayer: { nothing: 'budget', wrong: [[[{}], 'budget']] },
  BudgetLinks: { nothing: 'wallet', wrong: [[[{}], 'wallet']] },
  serveBudgets: {
    nothing: 'wallet',
    wrong: [[[{}], 'wallet'], signal({ ...WALLET, budgetOf: () => {}, siteRecord: () => {} })],
    unknown: [{ ...WALLET, budgetOf: () => {}, siteRecord: () => {} }, UNKNOWN],
  },
  checkMnemonic: text('text'),
  generateMnemonic: {
    nothing: null,
    wrong: [
      [[13], 'words'],
      [['12'], 'words'],
    ],
  },
  suggestWords: {
    nothing: 'prefix',
    wrong: [
      [[5], 'prefix'],
      [['a', 'x'], 'limit'],
    ],
  },
  loadRates: {
    nothing: 'gateway',
    wrong: [[[5], 'gateway'], [['x'], 'gateway'], signal('02@ws://x')],
    unknown: ['02@ws://x', UNKNOWN],
  },
  joinPairing: {
    nothing: 'device',
    wrong: [
      [[5, { device: 'x' }], 'code'],
      [['x', { device: 5 }], 'device'],
      [['x', { device: 'x', signal: 5 }], 'signal'],
    ],
    unknown: ['x', UNKNOWN],
  },
  offerPairing: {
    nothing: 'mailbox',
    wrong: [
      [[{ ...OFFER, mailbox: 5 }], 'mailbox'],
      [[{ ...OFFER, wallet: 5 }], 'wallet'],
      [[{ ...OFFER, wallet: { ...PAIRED, gateways: 5 } }], 'gateways'],
      [[{ ...OFFER, signal: 5 }], 'signal'],
    ],
    unknown: [UNKNOWN],
  },
  checkGateway: text('address'),
  loadSettings: { nothing: null, wrong: [] },
  saveSettings: {
    nothing: 'settings',
    wrong: [
      [[5], 'settings'],
      [[{ ...SETTINGS, gateways: 5 }], 'gateways'],
    ],
    unknown: [UNKNOWN],
  },
  fileStore: text('path'),
  fileStorage: text('directory'),
  memoryStorage: { nothing: null, wrong: [] },
  authorization: {
    nothing: 'challenge',
    wrong: [
      [[5], 'challenge'],
      [[{ kind: 'l402' }], 'preimage'],
    ],
  },
  chooseChallenge: {
    nothing: 'header',
    wrong: [
      [[5], 'header'],
      [['L402', 5], 'usable'],
    ],
  },
  readChallenges: text('header'),
  payingFetch: {
    nothing: 'payer',
    wrong: [
      [[{ ...FETCH, store: undefined }], 'store'],
      [[{ ...FETCH, store: 5 }], 'store'],
      [[{ ...FETCH, payer: {} }], 'payer'],
      [[{ ...FETCH, maxCostMsat: 500_000 }], 'maxCostMsat'],
      [[{ ...FETCH, confirm: true }], 'confirm'],
      [[{ ...FETCH, sessions: {} }], 'sessions'],
    ],
    unknown: [UNKNOWN],
  },
  receiptFor: { nothing: 'response', wrong: [[[5], 'response']] },
  SiteHost: {
    nothing: 'wallet',
    wrong: [
      [[{ wallet: WALLET, ask: 5, version: '1' }], 'ask'],
      [[{ wallet: 5 }], 'wallet'],
    ],
    unknown: [UNKNOWN],
  },
  siteOf: { nothing: 'sender', wrong: [[[5], 'sender']] },
  payingSites: { nothing: 'store', wrong: [[[5], 'store']] },
  TopLevel402: { nothing: 'payments', wrong: [[[{ payments: PAYER, wallet: 5 }], 'wallet']], unknown: [UNKNOWN] },
  Receipts: { nothing: 'store', wrong: [[[{}], 'store']] },
  installWebln: {
    nothing: 'transport',
    wrong: [
      [[{ transport: TRANSPORT, info: {} }], 'target'],
      [[{ transport: {}, info: {}, target: WINDOW }], 'transport'],
      [[{ transport: TRANSPORT, info: 5, target: WINDOW }], 'info'],
    ],
    unknown: [UNKNOWN],
  },
  relay: {
    nothing: 'forward',
    wrong: [
      [[5], 'forward'],
      [[() => {}], 'target'],
      [[() => {}, 5], 'target'],
    ],
  },
  windowTransport: { nothing: 'target', wrong: [[[5], 'target']] },
  isSiteCall: { nothing: null, wrong: [] },
  siteWallet: {
    nothing: 'open',
    wrong: [
      [[WALLET], 'open'],
      [[() => WALLET, { alias: 5 }], 'alias'],
    ],
    unknown: [() => WALLET, UNKNOWN],
  },
  walletPayer: {
    nothing: 'wallet',
    wrong: [
      [[() => WALLET], 'wallet'],
      [[WALLET, { holder: HOLDER }], 'holder'],
    ],
    unknown: [WALLET, UNKNOWN],
  },
  readSessionChallenge: text('header'),
  sessionCredential: {
    nothing: 'challenge',
    wrong: [
      [[5], 'challenge'],
      [[{ echo: {} }], 'action'],
    ],
  },
  PaymentSessions: {
    nothing: 'payer',
    wrong: [
      [[{ ...SESSIONS, maxDepositMsat: 5 }], 'maxDepositMsat'],
      [[{ ...SESSIONS, store: {} }], 'store'],
      [[{ ...SESSIONS, returnInvoice: 'lnbc1' }], 'returnInvoice'],
    ],
    unknown: [UNKNOWN],
  },
  openStream: {
    nothing: 'webln',
    wrong: [
      [[5, TERMS], 'webln'],
      [[WEBLN], 'nodeId'],
      [[WEBLN, { ...TERMS, creditMsat: 5 }], 'creditMsat'],
    ],
    unknown: [WEBLN, { ...TERMS, ...UNKNOWN }],
  },
  WalletStreams: { nothing: 'open', wrong: [[[{ open: WALLET }], 'open']], unknown: [UNKNOWN] },
  WalletStore: { nothing: 'open', wrong: [[[WALLET], 'open']] },
  localStore: { nothing: null, wrong: [[[5], 'prefix']] },
  memoryStore: { nothing: null, wrong: [] },
  weblnPayer: { nothing: 'webln', wrong: [[[{}], 'webln']] },
  paywall: {
    nothing: 'invoices',
    wrong: [
      [[{ ...WALL, secret: 'short' }], 'secret'],
      [[{ ...WALL, priceMsat: 5 }], 'priceMsat'],
      [[{ ...WALL, service: 'a b' }], 'service'],
      [[{ ...WALL, schemes: ['x'] }], 'schemes'],
      [[{ ...WALL, validSecs: '1' }], 'validSecs'],
    ],
    unknown: [UNKNOWN],
  },
  walletInvoices: { nothing: 'wallet', wrong: [[[{}], 'wallet']] },
  GatewayApi: {
    nothing: 'url',
    wrong: [
      [['gw.example', 'k'], 'url'],
      [['https://gw.example'], 'key'],
      [['https://gw.example', 'k', { fetch: 5 }], 'fetch'],
    ],
    unknown: ['https://gw.example', 'k', UNKNOWN],
  },
  readWebhook: {
    nothing: 'secret',
    wrong: [
      [[5], 'secret'],
      [['x'], 'request'],
      [['x', {}], 'request'],
    ],
  },
  definePay: {
    nothing: null,
    wrong: [
      [[5], 'name'],
      [['pay'], 'name'],
    ],
  },
  fakeWallet: {
    nothing: null,
    wrong: [
      [[{ balanceMsat: 5 }], 'balanceMsat'],
      [[5], 'fakeWallet'],
    ],
    unknown: [UNKNOWN],
  },
};

/** Where `amplet/node` has another function of the same name. */
export const NODE_CALLS: Record<string, Misuse> = {
  init: {
    nothing: 'storage',
    wrong: [
      [[{ storage: '/var/lib/wallet' }], 'storage'],
      [[{ storage: { open: () => {} }, WebSocket: 5 }], 'WebSocket'],
      [[{ storage: { open: () => {} }, log: true }], 'log'],
      [[{ storage: { open: () => {} }, locks: {} }], 'locks'],
    ],
    unknown: [UNKNOWN],
  },
};
