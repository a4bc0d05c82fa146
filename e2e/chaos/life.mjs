/** A life: a wallet on the user's devices, what it was asked to do, and what stands between it and the network. */

import { Device, pause } from './device.mjs';
import { Trigger, Wire } from './wire.mjs';

/** @typedef {import('./device.mjs').Answer} Answer */
/** @typedef {{ hash: string, invoice: string, amountMsat: bigint, amp: boolean }} Bill */
/** @typedef {{ hash: string, invoice: string, amountMsat: bigint, paying: Promise<void> }} Ask */

/** Sat of a channel that a gateway opens. */
const CAPACITY_SAT = 400_000n;
/** What the payee gives first: something to pay with. */
const FIRST_MSAT = 150_000_000n;

export class Life {
  /** @type {Bill[]} invoices of the payee */
  bills = [];
  /** @type {Ask[]} invoices of the wallet, which the payee pays */
  asks = [];
  /** @type {bigint[]} deposits, in sat */
  deposits = [];
  /** @type {{ address: string, sat: bigint }[]} what was to be sent on-chain */
  sends = [];
  /** Blocks mined while something may be in flight: payments have deadlines. */
  blocks = 0;
  /** @type {Set<'0' | '1'>} gateways that stand still */
  frozen = new Set();
  /** @type {string[]} */
  log = [];
  /** @type {Device[]} the active one first */
  devices = [];
  mnemonic = '';
  /** What the payee had in channels before. */
  payeeHadMsat = 0n;
  #made = 0;
  #began = performance.now();

  /**
   * @param {import('../lib/network.mjs').Network} network
   * @param {any} info of the network
   * @param {Wire[]} wires to the two gateways and to the backup
   * @param {Trigger} trigger
   */
  constructor(network, info, wires, trigger) {
    this.network = network;
    this.info = info;
    this.wires = wires;
    this.trigger = trigger;
  }

  /** @param {import('../lib/network.mjs').Network} network */
  static async begin(network) {
    const info = await network.info();
    const urls = [info.gateways[0].url, info.gateways[1].url, info.gateways[1].url];
    return new Life(
      network,
      info,
      await Promise.all(urls.map((url) => new Wire(url).listen())),
      await new Trigger().listen(),
    );
  }

  /** @param {string} text */
  say(text) {
    this.log.push(`${((performance.now() - this.#began) / 1000).toFixed(1).padStart(6)} s  ${text}`);
  }

  /** The device that has the wallet. */
  get device() {
    const [device] = this.devices;
    if (device === undefined) throw new Error('no device');
    return device;
  }

  newDevice() {
    this.#made += 1;
    return new Device(`device ${this.#made}`, this.network.wwwUrl);
  }

  /** Options to open the wallet. */
  get options() {
    const [first, second] = this.wires;
    return {
      name: 'chaos',
      network: this.info.network,
      gateways: [first, second].map((wire, at) => ({
        address: `${this.info.gateways[at].nodeId}@ws://127.0.0.1:${wire?.port}/lightning/v1`,
        trustZeroConf: true,
      })),
      passphrase: 'a chaotic life',
    };
  }

  /** @param {string} deviceName */
  backup(deviceName) {
    return { url: `http://127.0.0.1:${this.wires[2]?.port}/vss/v1`, mode: 'required', deviceName };
  }

  /** What the payee has in channels, in msat. */
  async payeeMsat() {
    return BigInt((await this.payee('info')).lightningMsat);
  }

  /** Makes the wallet, gives it a channel of each gateway, and something to spend. */
  async create() {
    this.payeeHadMsat = await this.payeeMsat();
    this.devices = [this.newDevice()];
    const made = await this.device.open({ ...this.options, create: true, backup: this.backup(this.device.name) });
    if (made.error) throw new Error(`the wallet was not made: ${made.error.code}, ${made.error.message}`);
    this.mnemonic = made.value;
    for (const at of [0, 1]) {
      await this.until(`gateway ${at} to be connected`, async () => {
        const { value } = await this.device.ask('status');
        return value?.gateways[at].connection.state === 'connected' && value.ableToPay !== undefined;
      });
      const asked = { gateway: this.info.gateways[at].nodeId, capacitySat: CAPACITY_SAT };
      const { error } = await this.device.ask('requestChannel', [asked]);
      if (error) throw new Error(`no channel of gateway ${at}: ${error.code}, ${error.message}`);
    }
    await this.until('two channels', async () => {
      const { value } = await this.device.ask('channels');
      return value?.filter((/** @type {any} */ { state }) => state === 'ready').length === 2;
    });
    const { value } = await this.device.ask('status');
    this.nodeId = value.nodeId;
    await this.receive(FIRST_MSAT);
    await Promise.all(this.asks.map(({ paying }) => paying));
    await this.mine(3, 2);
    this.blocks = 0;
  }

  /** The payee pays a new invoice of the wallet; nobody waits for it. @param {bigint} amountMsat @returns {Promise<Answer>} */
  async receive(amountMsat) {
    const made = await this.device.ask('receive', [{ amountMsat, description: 'chaos' }]);
    if (made.error) return made;
    const { invoice, paymentHash: hash } = made.value;
    const paying = this.network.pay(invoice).then(
      () => this.say(`  the payee has paid ${amountMsat} msat`),
      (error) => this.say(`  the payee has not paid ${amountMsat} msat: ${String(error).slice(0, 160)}`),
    );
    this.asks.push({ hash, invoice, amountMsat, paying });
    return made;
  }

  /** A new invoice of the payee. @param {bigint} amountMsat @param {boolean} amp */
  async bill(amountMsat, amp) {
    const { invoice, paymentHash: hash } = await this.network.invoice({ amountMsat, amp, description: 'chaos' });
    const bill = { hash, invoice, amountMsat, amp };
    this.bills.push(bill);
    return bill;
  }

  /** @param {number} blocks @param {number} [transactions] */
  async mine(blocks, transactions = 0) {
    this.blocks += blocks;
    await this.network.mine(blocks, { transactions });
  }

  /** Opens the wallet where it belongs, if it is not open there. Whoever cannot open it now says why. @returns {Promise<Answer>} */
  async open() {
    const ended = await this.device.ended();
    if (ended === null) return { value: 'open' };
    const opened = await this.device.open(this.options, 60_000);
    if (opened.error) this.say(`  opened anew (${ended}): ${opened.error.code}, ${opened.error.message.slice(0, 120)}`);
    else this.say(`  opened anew (${ended})`);
    return opened;
  }

  /** Waits a while until a payment could be sent; nothing is wrong with a wallet that cannot. */
  async ready() {
    const able = async () => (await this.device.ask('status', [], 2_000)).value?.ableToPay === true;
    await this.until('the wallet to be able to pay', able, 6_000).catch(() => this.say('  not able to pay'));
  }

  /** All ways open, all processes up. */
  async heal() {
    for (const wire of this.wires) wire.mode = 'open';
    await this.network.bitcoind('start');
    for (const node of this.frozen) await this.network.node(node, 'thaw');
    this.frozen.clear();
    for (const node of /** @type {const} */ (['0', '1'])) await this.network.node(node, 'start');
  }

  /** The answer of a node's admin API; `null`: it knows nothing of that. @param {any} node @param {string} path @param {object} [body] */
  async admin(node, path, body) {
    const response = await fetch(`${node.adminUrl}/admin/v1/${path}`, {
      method: body ? 'POST' : 'GET',
      headers: { authorization: `Bearer ${node.adminToken}`, 'content-type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    if (response.status === 404) return null;
    if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
    return response.json();
  }

  /** @param {string} path */
  payee(path) {
    return this.admin(this.info.payee, path);
  }

  /** A fresh address of the payee's. @returns {Promise<string>} */
  async payeeAddress() {
    return (await this.admin(this.info.payee, 'address', {})).address;
  }

  /** @param {string} method @param {unknown[]} params */
  async #rpc(method, params) {
    const { rpcUrl, user, password } = this.info.bitcoind;
    const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    const response = await fetch(rpcUrl, {
      method: 'POST',
      headers: { authorization },
      body: JSON.stringify({ jsonrpc: '1.0', id: 1, method, params }),
    });
    const { result, error } = await response.json();
    if (error) throw new Error(`${method}: ${error.message}`);
    return result;
  }

  /** What the chain holds for an address, in sat. @param {string} address */
  async arrived(address) {
    const { total_amount: bitcoin } = await this.#rpc('scantxoutset', ['start', [`addr(${address})`]]);
    return BigInt(Math.round(bitcoin * 1e8));
  }

  /** What the miners got for a transaction that is in a block, in sat. @param {string} txid */
  async minerFee(txid) {
    const { fee, blockhash } = await this.#rpc('getrawtransaction', [txid, 1]).then(({ blockhash: hash }) =>
      this.#rpc('getrawtransaction', [txid, 2, hash]),
    );
    if (blockhash === undefined) throw new Error(`${txid} is in no block`);
    return BigInt(Math.round(fee * 1e8));
  }

  /** @param {string} what @param {() => Promise<boolean>} holds @param {number} [limitMs] */
  async until(what, holds, limitMs = 120_000) {
    for (const began = performance.now(); ; await pause(150)) {
      if (await holds()) return;
      if (performance.now() - began > limitMs) throw new Error(`waited ${limitMs / 1000} s for ${what}`);
    }
  }

  async end() {
    await Promise.all(this.devices.map((device) => device.lose()));
    for (const wire of this.wires) wire.close();
    this.trigger.close();
  }
}
