/** The wallet as sites reach it: whichever is open now. While it is locked every call rejects with `closed`. */

import { WalletError, type Payment, type Wallet } from 'amplet';
import { SiteFault, type InvoiceDetails, type Outcome, type Site, type SiteWallet } from 'amplet/provider';
import type { Vault } from './vault.ts';
import { isGenerous, purseOf } from '../lib/purses.ts';

export function openWalletOf(vault: Vault): SiteWallet {
  const open = (): Wallet => {
    if (vault.wallet === null) throw new WalletError('closed', 'The wallet is locked: unlock it.');
    return vault.wallet;
  };
  return {
    async info() {
      const { nodeId, network } = await open().status();
      return { alias: 'Amplet', nodeId, network };
    },
    async spendableMsat() {
      return (await open().balance()).spendableMsat;
    },
    async purseLeftMsat(site) {
      return vault.wallet === null ? null : leftMsat(vault.wallet, site);
    },
    receive: (request) => open().receive(request),
    inspect: (invoice) => inspect(open(), invoice),
    async pay({ invoice, amountMsat: stated }, { amountMsat, maxFeeMsat, spender }) {
      const chosen = stated === null && amountMsat !== undefined ? { amountMsat } : {};
      return outcomeOf(await open().pay(invoice, { ...chosen, maxFeeMsat, spender }));
    },
    async keysend() {
      throw new SiteFault('UnsupportedMethodError', 'This wallet pays invoices only.');
    },
    async lookup(paymentHash) {
      const payment = await find(open(), paymentHash);
      return payment?.direction === 'outbound' ? outcomeOf(payment) : { state: 'failed', reason: 'There is no such payment.' };
    },
    watch: (paymentHash, listener) => open().onPayment((payment) => {
      if (payment.id === paymentHash && payment.direction === 'outbound') listener(outcomeOf(payment));
    }),
    async invoice(paymentHash) {
      const payment = await find(open(), paymentHash);
      if (payment?.direction !== 'inbound' || payment.invoice === null) return null;
      return { invoice: payment.invoice, preimage: payment.preimage, paid: payment.state === 'succeeded' };
    },
    signMessage: async (message) => open().signMessage(message),
    async verifyMessage(signed) {
      const { valid, nodeId } = await open().verifyMessage(signed);
      return { valid, nodeId: nodeId ?? '' };
    },
  };
}

/** What the purse allows without a question; `null`: the site has none that does. */
async function leftMsat(wallet: Wallet, site: Site): Promise<bigint | null> {
  const purse = purseOf(await wallet.purses(), site);
  if (!isGenerous(purse)) return null;
  const { spendableMsat } = await wallet.balance();
  return purse.standings.reduce((least, { leftMsat: left }) => (left < least ? left : least), spendableMsat);
}

async function inspect(wallet: Wallet, text: string): Promise<InvoiceDetails> {
  const found = await wallet.inspect(text);
  if (found.type !== 'bolt11') throw new WalletError('invalidPaymentRequest', 'This is no Lightning invoice.');
  const { network } = await wallet.status();
  const { invoice, amountMsat, paymentHash, payee, description, expiresAt, maxFeeMsat, problem } = found;
  return { invoice, amountMsat, paymentHash, payee, description, expiresMs: Number(expiresAt) * 1000, network, maxFeeMsat, problem };
}

async function find(wallet: Wallet, id: string): Promise<Payment | null> {
  try {
    return await wallet.payment(id);
  } catch (error) {
    if (error instanceof WalletError && error.code === 'invalidInput') return null;
    throw error;
  }
}

function outcomeOf(payment: Payment): Outcome {
  if (payment.state === 'failed') return { state: 'failed', reason: payment.error.message };
  if (payment.state === 'succeeded' && payment.preimage !== null) return { state: 'succeeded', preimage: payment.preimage };
  return { state: 'pending' };
}
