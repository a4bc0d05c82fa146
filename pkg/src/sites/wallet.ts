/** A {@link Wallet} as sites and paid requests use it. Only its type is imported: the engine stays out of this module. */

import { FUNCTION, having, must, TEXT } from '../base/kinds.ts';
import { named } from '../base/named.ts';
import type { Authorization, Budget, Holder, Payment, PaymentStatus } from '../base/protocol.ts';
import type { Wallet } from '../wallet/wallet.ts';
import { failureOf, ProviderError } from './errors.ts';
import { PaidFetchError } from './http402/errors.ts';
import type { Payer } from './http402/types.ts';
import type { InvoiceDetails, Outcome, Site, SiteAuthorization, SiteWallet } from './types.ts';
import { OPEN, siteRecords, WalletStore } from './wallet-store.ts';

/** The part of a {@link Wallet} that is used. */
export type WalletLike = Pick<
  Wallet,
  | 'balance'
  | 'budgetOf'
  | 'inspect'
  | 'keysend'
  | 'logIn'
  | 'onPayment'
  | 'pay'
  | 'payment'
  | 'quoteFee'
  | 'receive'
  | 'setSiteRecords'
  | 'signMessage'
  | 'siteRecord'
  | 'siteRecordKeys'
  | 'status'
  | 'verifyMessage'
>;

/** Options of {@link siteWallet}. */
export interface SiteWalletOptions {
  /** Alias of the node, as sites see it; by default `Amplet`. */
  readonly alias?: string | undefined;
}

/**
 * The wallet as {@link SiteHost} needs it. `open` gives the wallet that is open now, or throws an error with the code `closed`
 * while it is locked; it is called at each use, so that the host outlives the wallet. Streams are added with
 * `{ ...wallet, streams: new WalletStreams({ open, budgetLeftMsat: wallet.budgetLeftMsat, store: wallet.store }) }`.
 * @throws {WalletError} `invalidInput`
 */
export function siteWallet(open: () => WalletLike, options?: SiteWalletOptions): SiteWallet {
  must('open', open, OPEN);
  const { alias = 'Amplet' } = named('siteWallet', options, { alias: TEXT });
  return {
    store: new WalletStore(open),
    info: async () => {
      const { nodeId, network } = await open().status();
      return { alias, nodeId, network };
    },
    spendableMsat: async () => (await open().balance()).spendableMsat,
    lacks: async (amountMsat) => {
      const { spendableMsat, lightningMsat } = await open().balance();
      const waits = spendableMsat === 0n && lightningMsat >= amountMsat;
      return spendableMsat < amountMsat && !waits;
    },
    budgetLeftMsat: async (site) => (await budgetOf(open, site))?.leftMsat ?? null,
    receive: async (request) => open().receive(request),
    inspect: async (invoice, amountMsat) => inspect(open(), invoice, amountMsat),
    quoteFee: async (payment) => open().quoteFee(payment),
    pay: async ({ invoice, amountMsat: stated }, { amountMsat, maxFeeMsat, authorization }) => {
      const chosen = stated === null && amountMsat !== undefined ? { amountMsat } : {};
      return outcomeOf(await open().pay(invoice, { ...chosen, maxFeeMsat, authorization: engines(authorization) }));
    },
    keysend: async ({ records, authorization, ...request }) =>
      outcomeOf(await open().keysend({ ...request, records: [...records], authorization: engines(authorization) })),
    lookup: async (paymentHash) => lookup(open(), paymentHash),
    watch: (paymentHash, listener) =>
      open().onPayment((payment) => {
        if (payment.id === paymentHash && payment.direction === 'outbound') listener(outcomeOf(payment));
      }),
    invoice: async (paymentHash) => {
      const payment = await find(open(), paymentHash);
      if (payment?.direction !== 'inbound' || payment.invoice === null) return null;
      return { invoice: payment.invoice, preimage: payment.preimage, paid: payment.state === 'succeeded' };
    },
    signMessage: async (message) => open().signMessage(message),
    lnurlAuth: async ({ domain, k1 }) => {
      const { key, signature } = await open().logIn({ domain, challenge: k1 });
      return { key, sig: signature };
    },
    verifyMessage: async (signed) => {
      const { valid, nodeId } = await open().verifyMessage(signed);
      return { valid, nodeId: nodeId ?? '' };
    },
  };
}

/** Options of {@link walletPayer}. */
export interface WalletPayerOptions {
  /**
   * Holder of the budget that pays for requests to an origin; by default the budget of that site. Rejects with `notPaid` when
   * it says no.
   */
  readonly holder?: ((origin: string) => Holder) | undefined;
}

/**
 * The wallet as {@link payingFetch} needs it: no question is asked, the budget decides.
 * @throws {WalletError} `invalidInput`
 */
export function walletPayer(wallet: WalletLike, options?: WalletPayerOptions): Payer {
  must('wallet', wallet, having('an open `Wallet`', 'inspect', 'pay', 'payment'));
  const { holder = siteHolder } = named('walletPayer', options, { holder: FUNCTION });
  return {
    inspect: (invoice) => inspect(wallet, invoice),
    lookup: (paymentHash) => lookup(wallet, paymentHash),
    pay: async (invoice, { origin, maxCostMsat }) => {
      const details = await inspect(wallet, invoice);
      const left = maxCostMsat - (details.amountMsat ?? maxCostMsat);
      if (left < 0n) {
        const message = `This costs ${details.amountMsat} msat and at most ${maxCostMsat} msat are allowed; nothing was paid.`;
        throw new PaidFetchError('tooExpensive', message);
      }
      const maxFeeMsat = left < details.maxFeeMsat ? left : details.maxFeeMsat;
      return outcomeOf(
        await wallet.pay(details.invoice, { maxFeeMsat, authorization: { holder: holder(origin), purpose: 'fetch' } }),
      );
    },
  };
}

const siteHolder = (origin: string): Holder => ({ kind: 'site', origin, topLevel: origin });

/** An authorization as the engine reads it. */
const engines = ({ records, ...authorization }: SiteAuthorization): Authorization => ({
  ...authorization,
  ...(records && { records: siteRecords(records) }),
});

/** The budget of a site; none while the wallet is locked: whether a site is enabled is said without it. */
async function budgetOf(open: () => WalletLike, site: Site): Promise<Budget | null> {
  try {
    return await open().budgetOf({ kind: 'site', ...site });
  } catch (error) {
    if (failureOf(error)?.code === 'closed') return null;
    throw error;
  }
}

async function inspect(wallet: WalletLike, text: string, chosenMsat?: bigint): Promise<InvoiceDetails> {
  const found = await wallet.inspect(text, chosenMsat === undefined ? {} : { amountMsat: chosenMsat });
  if (found.type !== 'bolt11') throw new ProviderError('InvalidDataError', 'This is no Lightning invoice.');
  // What a site gets for its money is the preimage of the invoice's hash.
  if (found.amp) throw new ProviderError('InvalidDataError', 'This invoice is for AMP, which has no proof for a site.');
  const { invoice, amountMsat, paymentHash, payee, description, expiresAt, network, problem } = found;
  const { expectedFeeMsat, maxFeeMsat } = found;
  return {
    invoice,
    amountMsat,
    paymentHash,
    payee,
    description,
    expiresMs: Number(expiresAt) * 1000,
    network,
    expectedFeeMsat,
    maxFeeMsat,
    problem,
  };
}

async function lookup(wallet: WalletLike, paymentHash: string): Promise<Outcome> {
  const payment = await find(wallet, paymentHash);
  return payment?.direction === 'outbound'
    ? outcomeOf(payment)
    : { state: 'failed', reason: 'There is no such payment.' };
}

async function find(wallet: WalletLike, id: string): Promise<Payment | null> {
  try {
    return await wallet.payment(id);
  } catch (error) {
    if (failureOf(error)?.code === 'invalidInput') return null;
    throw error;
  }
}

/** A payment that succeeded without a proof is not one to a site: pending until it has. */
export function outcomeOf(payment: Pick<Payment, 'preimage'> & PaymentStatus): Outcome {
  if (payment.state === 'failed') return { state: 'failed', reason: payment.error.message, code: payment.error.code };
  if (payment.state === 'succeeded' && payment.preimage !== null)
    return { state: 'succeeded', preimage: payment.preimage };
  return { state: 'pending' };
}
