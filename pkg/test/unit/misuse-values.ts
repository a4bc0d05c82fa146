/** What a misuse is, and values that misuses are made of: each is right. */

/** Misuses of a function. */
export interface Misuse {
  /** The argument that is named when it is called with nothing; `null`: it may be. */
  nothing: string | null;
  /** Arguments, and the one that is named. */
  wrong: [args: unknown[], name: string][];
  /** Arguments with an option `unheardOf`. */
  unknown?: unknown[];
}

export const UNKNOWN = { unheardOf: 1 };
export const OPEN = { name: 'main', network: 'regtest', gateways: [], passphrase: 'p' };
export const WORDS = { ...OPEN, mnemonic: 'abandon' };
export const HOLDER = { kind: 'app', id: 'reader' };
export const RULES = {
  perPaymentMsat: null,
  windows: [],
  rate: null,
  totalMsat: 5n,
  expiresAt: null,
  askAboveMsat: null,
  purposes: [],
};
export const STORE = { get: () => {}, set: () => {}, delete: () => {}, keys: () => {} };
export const PAYER = { inspect: () => {}, pay: () => {}, lookup: () => {} };
export const WALLET = {
  inspect: () => {},
  pay: () => {},
  payment: () => {},
  receive: () => {},
  info: () => {},
  lookup: () => {},
};
export const SESSIONS = { payer: PAYER, store: STORE, returnInvoice: () => {}, maxDepositMsat: 1n, maxTotalMsat: 1n };
export const FETCH = { payer: PAYER, store: STORE, maxCostMsat: 1n };
export const WALL = { invoices: { createInvoice: () => {} }, secret: 'x'.repeat(32), service: 's', priceMsat: 1000n };
export const PAIRED = { mnemonic: 'a', network: 'regtest', gateways: [], chainSources: [], backupUrl: 'http://x' };
export const OFFER = { mailbox: 'http://127.0.0.1:9', wallet: PAIRED };
export const TRANSPORT = { post: () => {}, listen: () => {} };
export const WINDOW = { addEventListener: () => {}, origin: 'null' };
export const WEBLN = { request: () => {}, on: () => {}, off: () => {}, enable: () => {}, sendPayment: () => {} };
export const TERMS = { nodeId: '02', sessionId: 's', creditMsat: 1n };
export const STREAM = { to: { nodeId: '02', session: 's' }, ratePerSecondMsat: 1n, creditMsat: 5n };
export const SETTINGS = {
  network: 'regtest',
  gateways: [],
  chainSources: [],
  unit: 'sat',
  language: null,
  autoLockMinutes: 0,
};

export const text = (name: string): Misuse => ({ nothing: name, wrong: [[[5], name]] });
export const signal = (...before: unknown[]): [unknown[], string] => [[...before, { signal: 5 }], 'signal'];
