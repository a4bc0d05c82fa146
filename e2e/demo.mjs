/** The headless demo (`cargo xtask demo --headless`): a user's first minutes in Chromium, with a receipt for each payment. */

import { chromium } from '@playwright/test';
import { CHROMIUM } from './lib/chromium.mjs';
import { Network } from './lib/network.mjs';
import { sha256, WalletPage } from './lib/wallet-page.mjs';

const PASSPHRASE = 'a quiet river under the bridge';
const DEPOSIT = 2_000_000n;
const CHANNEL = 1_000_000n;
const PRICE_MSAT = 21_000_000n;
const BACK = 10_000n;

const started = performance.now();
/** @param {string} text */
const say = (text) => console.log(`[${((performance.now() - started) / 1000).toFixed(1).padStart(5)} s] ${text}`);

/**
 * @param {string} title
 * @param {Record<string, string | number | bigint>} facts
 */
function receipt(title, facts) {
  console.log(`\n  ${title}`);
  for (const [name, value] of Object.entries(facts)) console.log(`    ${name.padEnd(14)} ${value}`);
  console.log('');
}

/**
 * @param {boolean} holds
 * @param {string} what
 */
function must(holds, what) {
  if (!holds) throw new Error(what);
}

/**
 * @param {Network} network
 * @param {WalletPage} wallet
 */
async function pay(network, wallet) {
  const { invoice, paymentHash } = await network.invoice({
    amountMsat: PRICE_MSAT,
    description: 'A coffee in the demo',
  });
  const paid = await wallet.pay(invoice);
  must(paid.hash === paymentHash, `paid ${paid.hash}, not ${paymentHash}`);
  must(sha256(paid.preimage) === paymentHash, 'the preimage does not hash to the payment hash');
  must(paid.hops === 2, `the payment crossed ${paid.hops} channels, not 2`);
  receipt('Paid a third node two hops away', {
    'payment hash': paid.hash,
    preimage: `${paid.preimage} (SHA-256 checked)`,
    amount: `${PRICE_MSAT} msat`,
    fee: `${paid.feeMsat} msat`,
    hops: paid.hops,
    milliseconds: paid.ms,
  });
}

/**
 * @param {Network} network
 * @param {WalletPage} wallet
 */
async function getPaidBack(network, wallet) {
  const invoice = await wallet.createInvoice(BACK, 'Change from the demo');
  const began = performance.now();
  const paid = await network.pay(invoice);
  await wallet.received();
  const ms = Math.round(performance.now() - began);
  must(sha256(paid.preimage) === paid.paymentHash, 'the preimage does not hash to the payment hash');
  receipt('Got paid back by the third node', {
    'payment hash': paid.paymentHash,
    preimage: `${paid.preimage} (SHA-256 checked)`,
    amount: `${BACK * 1000n} msat`,
    fee: `${paid.feeMsat} msat (the payer's)`,
    hops: paid.hops ?? 'not told',
    milliseconds: ms,
  });
}

const browser = await chromium.launch(CHROMIUM);
try {
  const network = new Network();
  const context = await browser.newContext({ locale: 'en-GB' });
  const page = await context.newPage();
  page.on('pageerror', (error) => say(`page: ${error.message}`));
  const wallet = new WalletPage(page, network.wwwUrl);
  say(`opening ${network.wwwUrl}`);
  await wallet.load();
  await wallet.create(PASSPHRASE);
  say('wallet created, words checked');
  await wallet.connected();
  say('connected to the gateways over WebSocket');
  const address = await wallet.savingsAddress();
  const { txid } = await network.fund(address, Number(DEPOSIT), 1);
  await wallet.savingsReach(DEPOSIT);
  say(`received ${DEPOSIT} sat on-chain: ${txid}`);
  await wallet.openChannel(CHANNEL);
  await network.mine(6, { transactions: 1 });
  await wallet.channelsReady();
  say(`channel of ${CHANNEL} sat is ready`);
  await pay(network, wallet);
  await getPaidBack(network, wallet);
  say(`everyday balance: ${await wallet.balance('everyday')} msat; done`);
} finally {
  await browser.close();
}
