// A wallet in Node.js on the regtest network, in files, from the built package: paid, paying, started again, two at a time.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { WebSocket } from 'ws';
import { Network } from '../../../e2e/lib/network.mjs';
import type * as Amplet from '../../src/node.ts';

const ENTRY = pathToFileURL(join(process.cwd(), 'dist/node/index.js')).href;
const { Wallet, fileStorage, init, checkMnemonic }: typeof Amplet = await import(ENTRY);

const folder = mkdtempSync(join(tmpdir(), 'amplet-node-'));
const network = new Network();
const passphrase = 'correct horse';
let gateway: string;
let wallet: Amplet.Wallet;
let nodeId: string;

const options = (): Amplet.OpenBase & Amplet.ByPassphrase => ({
  name: 'main',
  network: 'regtest',
  gateways: [{ address: gateway, trustZeroConf: true }],
  passphrase,
});

beforeAll(async () => {
  const { gateways } = await network.info();
  gateway = gateways[0].address;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Waits for a state of the wallet; the test's own limit ends it. */
async function until(what: string, reached: (snapshot: Amplet.Snapshot) => boolean): Promise<Amplet.Snapshot> {
  let off: () => void = () => undefined;
  const met = await Promise.race([
    new Promise<Amplet.Snapshot>((done) => (off = wallet.onChange((snapshot) => reached(snapshot) && done(snapshot)))),
    wallet.ended.then((error) => assert.fail(`waiting for ${what}: ${error.message}`)),
  ]);
  off();
  return met;
}

test('before init it says what is missing', async () => {
  await assert.rejects(
    Wallet.open(options()),
    ({ code, message }: Amplet.WalletError) => code === 'notAllowedHere' && message.includes('init({ storage'),
  );
  await assert.rejects(init({} as never), ({ code }: Amplet.WalletError) => code === 'invalidInput');
});

test('it is made, in files', { timeout: 600_000 }, async () => {
  await init({ storage: fileStorage(folder), WebSocket });
  await init({ storage: fileStorage(tmpdir()) }); // changes nothing
  wallet = await Wallet.open({ ...options(), create: true });
  const words = wallet.takeMnemonic() ?? '';
  assert.equal((await checkMnemonic(words)).problem, null);
  ({ nodeId } = await wallet.status());
  await until(
    'the gateway',
    ({ status }) => status.chain.synced && status.gateways.some(({ connection }) => connection.state === 'connected'),
  );
});

test(
  'it is paid on-chain, opens a channel and pays a node two hops away, with proof',
  { timeout: 600_000 },
  async () => {
    await network.fund(await wallet.newAddress(), 2_000_000, 1);
    await until('the deposit', ({ balance }) => balance.onchainSat === 2_000_000n);
    await wallet.openChannel({ gateway: gateway.slice(0, 66), capacitySat: 1_000_000n });
    await network.mine(6, { transactions: 1 });
    await until('the channel', ({ balance }) => balance.spendableMsat > 500_000_000n);
    const { invoice, paymentHash } = await network.invoice({ amountMsat: 100_000_000n, description: 'from Node.js' });
    const payment = await wallet.pay(invoice, { maxFeeMsat: 1_000_000n });
    assert.deepEqual([payment.state, payment.id, payment.amountMsat], ['succeeded', paymentHash, 100_000_000n]);
    const proof = new Uint8Array(await crypto.subtle.digest('SHA-256', Buffer.from(payment.preimage ?? '', 'hex')));
    assert.equal(Buffer.from(proof).toString('hex'), paymentHash);
  },
);

test('it is paid over Lightning, and tells', { timeout: 600_000 }, async () => {
  const { invoice, paymentHash } = await wallet.receive({ amountMsat: 5_000_000n, description: 'to Node.js' });
  const paid = (async () => {
    for await (const event of wallet.events()) {
      await event.ack();
      if (event.type === 'paymentReceived') return event.payment.id;
    }
    return 'none';
  })();
  await network.pay(invoice);
  assert.equal(await paid, paymentHash);
});

test(
  'a second wallet of the process joins the first, and the passphrase is asked for',
  { timeout: 300_000 },
  async () => {
    await assert.rejects(
      Wallet.open({ ...options(), passphrase: 'wrong' }),
      ({ code }: Amplet.WalletError) => code === 'wrongPassphrase',
    );
    const second = await Wallet.open(options());
    assert.equal((await second.status()).nodeId, nodeId);
    await second.close();
    assert.equal((await wallet.status()).nodeId, nodeId);
  },
);

test('opened again it is the same wallet and pays', { timeout: 600_000 }, async () => {
  await wallet.lock();
  await assert.rejects(wallet.balance(), ({ code }: Amplet.WalletError) => code === 'closed');
  wallet = await Wallet.open(options());
  assert.equal((await wallet.status()).nodeId, nodeId);
  await until('being able to pay', ({ status }) => status.ableToPay);
  const { invoice } = await network.invoice({ amountMsat: 1_000_000n });
  assert.equal((await wallet.pay(invoice)).state, 'succeeded');
  const lines = (await wallet.history().next()).value ?? [];
  assert.equal(lines.filter(({ kind }) => kind === 'bolt11').length, 3);
});

/** A process of its own that opens the wallet and says how it went. */
const RIVAL = `
  import { WebSocket } from ${JSON.stringify(import.meta.resolve('ws'))};
  import { Wallet, fileStorage, init } from ${JSON.stringify(ENTRY)};
  const [folder, options, lock] = process.argv.slice(1);
  const taken = { acquire: async (name) => (lock === 'taken' ? null : Promise.reject(new Error('not asked for'))) };
  await init({ storage: fileStorage(folder), WebSocket, ...(lock === undefined ? {} : { locks: taken }) });
  try {
    const wallet = await Wallet.open(JSON.parse(options));
    console.log((await wallet.status()).nodeId);
    await wallet.close();
  } catch (error) {
    console.log(error.code);
  }`;

async function rival(...more: string[]): Promise<string> {
  const args = ['--input-type=module', '-e', RIVAL, folder, JSON.stringify(options()), ...more];
  return (await promisify(execFile)(process.execPath, args, { encoding: 'utf8' })).stdout.trim();
}

test(
  'another process is refused where locks are shared, and otherwise takes the wallet',
  { timeout: 600_000 },
  async () => {
    assert.equal(await rival('taken'), 'inUse');
    assert.equal((await wallet.status()).nodeId, nodeId, 'nothing happened to this one');
    assert.equal(await rival(), nodeId);
    await wallet.receive({ amountMsat: 1_000n }).catch(({ code }: Amplet.WalletError) => assert.equal(code, 'fenced'));
    assert.equal((await wallet.ended).code, 'fenced');
    await assert.rejects(wallet.balance(), ({ code }: Amplet.WalletError) => code === 'fenced');
    wallet = await Wallet.open(options());
    assert.equal((await wallet.status()).nodeId, nodeId);
  },
);

test('deleted it is gone', { timeout: 300_000 }, async () => {
  await wallet.close();
  await Wallet.destroy('main');
  assert.equal(await Wallet.exists('main'), false);
  await assert.rejects(Wallet.open(options()), ({ code }: Amplet.WalletError) => code === 'walletNotFound');
});
