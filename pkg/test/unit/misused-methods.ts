/** What is given wrongly to each method of the package's objects, and which argument its error names. */

import { UNKNOWN, OPEN, WORDS, HOLDER, RULES, STREAM, text, signal, type Misuse } from './misuse-values.ts';

const receiving: Record<string, Misuse | null> = {
  receive: {
    nothing: null,
    wrong: [
      [[1000n], 'receive'],
      [[{ amountMsat: 5 }], 'amountMsat'],
      [[{ description: 5 }], 'description'],
      [[{ expirySecs: '1' }], 'expirySecs'],
      [[{ amp: 1 }], 'amp'],
      [[{ metadata: { order: 1 } }], 'metadata'],
      [[{ channel: 'always' }], 'channel'],
      [[{ channel: true }], 'channel'],
    ],
    unknown: [UNKNOWN],
  },
  cancelInvoice: text('id'),
};

const requests: Record<string, Misuse | null> = {
  ...receiving,
  balance: null,
  status: null,
  inspect: {
    nothing: 'text',
    wrong: [
      [[5], 'text'],
      [['x', { amountMsat: 5 }], 'amountMsat'],
    ],
    unknown: ['x', UNKNOWN],
  },
  quoteFee: { nothing: 'payee', wrong: [[[{ payee: '02', amountMsat: 5 }], 'amountMsat']], unknown: [UNKNOWN] },
  pay: {
    nothing: 'invoice',
    wrong: [
      [['x', { amountMsat: 5 }], 'amountMsat'],
      [['x', { maxFeeMsat: 5 }], 'maxFeeMsat'],
      [['x', { parts: 1n }], 'parts'],
      [['x', { authorization: 5 }], 'authorization'],
      [['x', { authorization: { holder: 'me' } }], 'authorization.holder'],
      signal('x'),
    ],
    unknown: ['x', UNKNOWN],
  },
  keysend: {
    nothing: 'payee',
    wrong: [
      [[{ payee: '02', amountMsat: 5 }], 'amountMsat'],
      [[{ payee: '02', amountMsat: 5n, records: 5 }], 'records'],
      [[{ payee: '02', amountMsat: 5n, records: [{ type: 5, value: '' }] }], 'records.type'],
    ],
    unknown: [UNKNOWN],
  },
  streams: null,
  closeStream: text('id'),
  history: { nothing: null, wrong: [[[{ pageSize: 0 }], 'pageSize']], unknown: [UNKNOWN] },
  payment: text('id'),
  budgets: null,
  budgetOf: {
    nothing: 'holder',
    wrong: [
      [['me'], 'holder'],
      [[{ kind: 'app' }], 'holder.id'],
      [[{ kind: 'x' }], 'holder'],
    ],
  },
  openBudget: {
    nothing: 'holder',
    wrong: [
      [[{ holder: HOLDER }], 'rules'],
      [[{ holder: HOLDER, rules: { ...RULES, totalMsat: 5 } }], 'totalMsat'],
      [[{ holder: HOLDER, rules: RULES, parent: '1' }], 'parent'],
    ],
    unknown: [UNKNOWN],
  },
  setBudgetRules: {
    nothing: 'id',
    wrong: [
      [['1', RULES], 'id'],
      [[1], 'rules'],
    ],
    unknown: [1, { ...RULES, ...UNKNOWN }],
  },
  topUpBudget: { nothing: 'id', wrong: [[[1, 5], 'moreMsat']] },
  closeBudget: { nothing: 'id', wrong: [[['1'], 'id']] },
  preview: {
    nothing: 'authorization',
    wrong: [[[{ amountMsat: 5, authorization: { holder: HOLDER } }], 'amountMsat']],
    unknown: [UNKNOWN],
  },
  spending: { nothing: null, wrong: [[[{ from: 5 }], 'from']], unknown: [UNKNOWN] },
  signMessage: text('message'),
  verifyMessage: { nothing: 'message', wrong: [[[{ message: 'x' }], 'signature']], unknown: [UNKNOWN] },
  logIn: { nothing: 'domain', wrong: [[[{ domain: 'x' }], 'challenge']], unknown: [UNKNOWN] },
  devices: null,
  renameDevice: {
    nothing: 'id',
    wrong: [
      [[5, 'a phone'], 'id'],
      [['x', 5], 'name'],
    ],
  },
  removeDevice: { nothing: 'id', wrong: [[[5], 'id']] },
  channels: null,
  channelCost: { nothing: 'capacitySat', wrong: [[[5], 'capacitySat']] },
  openChannel: { nothing: 'gateway', wrong: [[[{ gateway: '02' }], 'capacitySat']], unknown: [UNKNOWN] },
  requestChannel: {
    nothing: 'gateway',
    wrong: [[[{ gateway: '02', capacitySat: 5 }], 'capacitySat']],
    unknown: [UNKNOWN],
  },
  closeChannel: { nothing: 'channelId', wrong: [[['x', { force: 1 }], 'force']], unknown: ['x', UNKNOWN] },
  siteRecord: text('key'),
  siteRecordKeys: text('prefix'),
  setSiteRecords: {
    nothing: 'records',
    wrong: [
      [[5], 'records'],
      [[[{ key: 'a' }]], 'records.value'],
    ],
    unknown: [[{ key: 'a', value: null, ...UNKNOWN }]],
  },
  diagnostics: null,
  setRate: {
    nothing: 'currency',
    wrong: [
      [[5], 'setRate'],
      [[{ currency: 'EUR', minorUnitsPerBtc: 5, at: 5n }], 'minorUnitsPerBtc'],
    ],
    unknown: [UNKNOWN],
  },
  newAddress: null,
  send: {
    nothing: 'address',
    wrong: [
      [['x', 5], 'amountSat'],
      [['x', 5n, { dryRun: 1 }], 'dryRun'],
      [['x', 5n, { feeRate: 5 }], 'feeRate'],
    ],
    unknown: ['x', 5n, UNKNOWN],
  },
  bumpFee: { nothing: 'id', wrong: [[['x', { feeRate: 5 }], 'feeRate'], signal('x')], unknown: ['x', UNKNOWN] },
  cancel: { nothing: 'id', wrong: [[['x', { dryRun: 1 }], 'dryRun']], unknown: ['x', UNKNOWN] },
  feeRates: null,
  closeLostChannels: { nothing: null, wrong: [[[{ close: 1 }], 'close']], unknown: [UNKNOWN] },
};

const listening: Record<string, Misuse | null> = {
  onChange: { nothing: 'listener', wrong: [[['change', () => {}], 'listener']] },
  onPayment: { nothing: 'listener', wrong: [[['payment', () => {}], 'listener']] },
  onPayments: {
    nothing: 'listener',
    wrong: [[[() => {}, { limit: 0 }], 'limit'], signal(() => {})],
    unknown: [() => {}, UNKNOWN],
  },
  paid: { nothing: 'paymentHash', wrong: [[[5], 'paymentHash'], signal('x')], unknown: ['x', UNKNOWN] },
  events: { nothing: null, wrong: [signal()], unknown: [UNKNOWN] },
  close: null,
  lock: null,
};

/** Methods, by class; `null`: it takes nothing. */
export const METHODS: Record<string, Record<string, Misuse | null>> = {
  'Wallet, static': {
    connect: { nothing: 'link', wrong: [[[5], 'link'], signal('x')], unknown: ['x', UNKNOWN] },
    open: {
      nothing: 'open',
      wrong: [
        [[{ ...OPEN, name: undefined }], 'name'],
        [[{ ...OPEN, network: 'bitcoin' }], 'network'],
        [[{ ...OPEN, gateways: '02@wss://x' }], 'gateways'],
        [[{ ...OPEN, gateways: [5] }], 'gateways'],
        [[{ ...OPEN, gateways: [{ address: 'x' }] }], 'gateways.trustZeroConf'],
        [[{ ...OPEN, passphrase: undefined }], 'passphrase'],
        [[{ ...OPEN, passphrase: 5 }], 'passphrase'],
        [[{ ...OPEN, key: new Uint8Array(32) }], 'key'],
        [[{ ...OPEN, create: true, mnemonic: 'a' }], 'mnemonic'],
        [[{ ...OPEN, fresh: true }], 'fresh'],
        [[{ ...WORDS, birthdayHeight: '5' }], 'birthdayHeight'],
        [[{ ...WORDS, file: 'x' }], 'file'],
        [[{ ...OPEN, chainSources: [5] }], 'chainSources'],
        [[{ ...OPEN, backup: { url: 5 } }], 'url'],
        [[{ ...OPEN, signal: 5 }], 'signal'],
        [[{ ...OPEN, onProgress: 5 }], 'onProgress'],
        [[{ ...OPEN, takeOver: 'yes' }], 'takeOver'],
      ],
      unknown: [{ ...OPEN, ...UNKNOWN }],
    },
    restore: {
      nothing: 'restore',
      wrong: [
        [[OPEN], 'mnemonic'],
        [[{ ...WORDS, mnemonic: 5 }], 'mnemonic'],
      ],
      unknown: [{ ...WORDS, ...UNKNOWN }],
    },
    exists: text('name'),
    unlocking: text('name'),
    revealMnemonic: {
      nothing: 'name',
      wrong: [
        [['main'], 'unlock'],
        [['main', 5], 'unlock'],
      ],
      unknown: ['main', UNKNOWN],
    },
    destroy: { nothing: 'name', wrong: [[['main', { takeOver: 1 }], 'takeOver']], unknown: ['main', UNKNOWN] },
  },
  Wallet: {
    ...requests,
    ...listening,
    moveHere: null,
    takeMnemonic: null,
    revealMnemonic: { nothing: 'unlock', wrong: [[[5], 'unlock']], unknown: [UNKNOWN] },
    changePassphrase: {
      nothing: 'from',
      wrong: [
        [[{ from: 'a' }], 'to'],
        [[{ from: 'a', to: 5 }], 'to'],
      ],
      unknown: [UNKNOWN],
    },
    removePassphrase: { nothing: 'unlock', wrong: [[[5], 'unlock']], unknown: [UNKNOWN] },
    passkeys: null,
    addPasskey: { nothing: 'name', wrong: [[[{ name: 'x' }], 'unlock']], unknown: [UNKNOWN] },
    removePasskey: { nothing: 'id', wrong: [[['x', 5], 'unlock']], unknown: ['x', UNKNOWN] },
    stream: {
      nothing: 'options',
      wrong: [
        [[{ ...STREAM, to: undefined }], 'to'],
        [[{ ...STREAM, to: { nodeId: '02' } }], 'to.session'],
        [[{ ...STREAM, creditMsat: 5 }], 'creditMsat'],
        [[{ ...STREAM, ratePerSecondMsat: undefined }], 'ratePerSecondMsat'],
      ],
      unknown: [{ ...STREAM, ...UNKNOWN }],
    },
  },
  Backup: {
    subscribe: { nothing: 'listener', wrong: [[[5], 'listener']] },
    set: {
      nothing: 'backup.url',
      wrong: [
        [[{ url: 'http://x', mode: 'fast' }], 'mode'],
        [[5], 'backup'],
      ],
      unknown: [UNKNOWN],
    },
    end: { nothing: null, wrong: [[[{ abandon: 1 }], 'abandon']], unknown: [UNKNOWN] },
    export: null,
    change: null,
  },
  FakeWallet: {
    ...requests,
    ...listening,
    failNext: text('code'),
    payFromOutside: {
      nothing: 'invoice',
      wrong: [
        [[5], 'invoice'],
        [['x', 5], 'amountMsat'],
      ],
    },
  },
  GatewayApi: {
    createInvoice: {
      nothing: 'invoice',
      wrong: [
        [[{ amountMsat: 5 }], 'amountMsat'],
        [[{}, 5], 'once'],
      ],
      unknown: [UNKNOWN],
    },
    invoice: { nothing: 'paymentHash', wrong: [[['x', { waitSecs: 61 }], 'waitSecs']], unknown: ['x', UNKNOWN] },
    pay: {
      nothing: 'invoice',
      wrong: [
        [['x', 5, 'o'], 'maxAmountMsat'],
        [['x', 5n], 'once'],
      ],
    },
  },
  Receipts: { undelivered: null, forget: text('paymentHash') },
  PaymentSessions: {
    meet: {
      nothing: 'request',
      wrong: [
        [[5], 'request'],
        [[new Request('http://x')], 'refused'],
      ],
    },
    close: { nothing: 'input', wrong: [[[5], 'input']] },
  },
};
