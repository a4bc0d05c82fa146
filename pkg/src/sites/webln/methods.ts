/** The methods of WebLN that need the site to be enabled, one function each. */

import { invalid, isUnsent, ProviderError, providerErrorOf, rejected } from '../errors.ts';
import type { Lnurl } from '../lnurl/lnurl.ts';
import { withinBudget, type Spending } from '../payments/approval.ts';
import { NOT_ENOUGH, showingNotEnough } from '../payments/not-enough.ts';
import type { Payments } from '../payments/pay.ts';
import { chosen, type Prompts } from '../payments/prompts.ts';
import type { SiteRecords } from '../payments/records.ts';
import { fromHex, sha256 } from '../proof.ts';
import { siteKey, type Outcome, type Quote, type Site, type SiteWallet } from '../types.ts';
import type { Json } from '../wire.ts';
import type { Rate } from './rate.ts';
import type { StreamMethods } from './streams.ts';
import * as read from './validate.ts';

/** Parts that methods work with. */
export interface MethodParts {
  readonly wallet: SiteWallet;
  readonly records: SiteRecords;
  readonly prompts: Prompts;
  readonly payments: Payments;
  readonly lnurl: Lnurl;
  readonly streams: StreamMethods;
  readonly version: string;
  /** Invoices made for a site. */
  readonly invoices: Rate;
}

/** Arguments by name. */
export type Params = Readonly<Record<string, Json | undefined>>;
/** One method of WebLN. */
export type Method = (parts: MethodParts, site: Site, params: Params, signal: AbortSignal) => Promise<Json>;

/** A site with a budget sees the budget; what else there is concerns it only when the user says so. */
export const getBalance: Method = async ({ wallet, records, prompts }, site, _params, signal) => {
  const [spendable, left] = [await wallet.spendableMsat(), await wallet.budgetLeftMsat(site)];
  if (left === null && !(await records.grant(site))?.balance) {
    const { remember = false } = await prompts.ask({ kind: 'balance', site }, signal);
    if (remember) await records.setGrant(site, { balance: true });
  }
  const msat = left !== null && left < spendable ? left : spendable;
  return { balance: Number(msat / 1000n), currency: 'sats' };
};

/** `webln.makeInvoice`: an invoice of the wallet, once the user agreed. */
export const makeInvoice: Method = async ({ wallet, records, prompts, invoices }, site, params, signal) => {
  const memo = read.optionalText(params['defaultMemo'], 'defaultMemo', 500);
  const fixed = read.optionalSat(params['amount'], 'amount');
  let amountMsat = fixed;
  if (fixed === null) {
    const minMsat = read.optionalSat(params['minimumAmount'], 'minimumAmount');
    const maxMsat = read.optionalSat(params['maximumAmount'], 'maximumAmount');
    const defaultMsat = read.optionalSat(params['defaultAmount'], 'defaultAmount');
    if (minMsat !== null && maxMsat !== null && minMsat > maxMsat)
      throw invalid('`minimumAmount` is above `maximumAmount`.');
    const allowed = await prompts.ask({ kind: 'invoice', site, memo, minMsat, maxMsat, defaultMsat }, signal);
    amountMsat = chosen(allowed, { minMsat, maxMsat });
    if (amountMsat === null && (minMsat !== null || maxMsat !== null)) throw invalid('No amount was chosen.');
  }
  // Each is kept for as long as it can be paid.
  if (!invoices.take(siteKey(site))) throw rejected('Too many invoices in a short time: wait a minute.');
  const { invoice, paymentHash } = await wallet.receive({
    description: memo,
    ...(amountMsat === null ? {} : { amountMsat }),
  });
  await records.recordMade(site, paymentHash, invoice);
  return { paymentRequest: invoice, rHash: paymentHash };
};

/** `webln.sendPayment`: pays an invoice, by the budget or by the user. */
export const sendPayment: Method = async ({ payments }, site, params, signal) => {
  const details = await payments.inspect(read.invoice(params['paymentRequest']));
  const preimage = await payments.pay({ site, details, context: { kind: 'webln' }, signal });
  return { preimage, paymentHash: details.paymentHash };
};

/** `webln.sendPaymentAsync`: begins a payment, without waiting for its end. */
export const sendPaymentAsync: Method = async ({ payments }, site, params, signal) => {
  const details = await payments.inspect(read.invoice(params['paymentRequest']));
  await payments.start({ site, details, context: { kind: 'webln' }, signal });
  return {};
};

/** `webln.keysend`: pays a node, by the budget or by the user. */
export const keysend: Method = async ({ wallet, prompts }, site, params, signal) => {
  const payee = read.nodeId(params['destination'], 'destination');
  const amountMsat = read.sat(params['amount'], 'amount');
  const records = read.records(params['customRecords']);
  const { expectedFeeMsat, maxFeeMsat } = await quoted(wallet, { payee, amountMsat });
  const request = { payee, amountMsat, maxFeeMsat, records };
  const spending: Spending<Outcome> = {
    site,
    purpose: undefined,
    pay: async (authorization) => {
      const sent = await wallet.keysend({ ...request, authorization });
      if (sent.state === 'failed' && sent.code === NOT_ENOUGH.code) throw providerErrorOf(NOT_ENOUGH);
      return sent;
    },
    ask: async (refusal) => {
      await prompts.ask({ kind: 'keysend', site, payee, amountMsat, expectedFeeMsat, maxFeeMsat, refusal }, signal);
      return amountMsat + maxFeeMsat;
    },
  };
  const price = () => ({ site, amountMsat, maxFeeMsat });
  const sending = showingNotEnough(prompts, signal, price, () => withinBudget(spending));
  const outcome = await sending.catch((error: unknown) => {
    // It has no invoice to recognise it by: asked for again, it would be paid again.
    throw error instanceof ProviderError || isUnsent(error) ? providerErrorOf(error) : undecided(error);
  });
  if (outcome.state === 'succeeded')
    return { preimage: outcome.preimage, paymentHash: await sha256(fromHex(outcome.preimage)) };
  if (outcome.state === 'failed') throw new ProviderError('RoutingError', 'The payment failed; no funds were sent.');
  throw undecided();
};

async function quoted(wallet: SiteWallet, payment: Parameters<SiteWallet['quoteFee']>[0]): Promise<Quote> {
  try {
    return await wallet.quoteFee(payment);
  } catch (error) {
    throw providerErrorOf(error);
  }
}

const undecided = (cause?: unknown): ProviderError =>
  new ProviderError(
    'ConnectionError',
    'The payment may have left: its outcome is in the history. Do not ask again before it is known.',
    { cause },
  );

/** `webln.signMessage`: signs a text, once the user agreed. */
export const signMessage: Method = async ({ wallet, prompts }, site, params, signal) => {
  const message = read.text(params['message'], 'message', 4_096);
  await prompts.ask({ kind: 'signMessage', site, message }, signal);
  const { signature } = await wallet.signMessage(message);
  return { message, signature };
};

/** `webln.verifyMessage`: checks a signature, and shows the result to the user. */
export const verifyMessage: Method = async ({ wallet, prompts }, site, params, signal) => {
  const message = read.text(params['message'], 'message', 4_096);
  const signature = read.text(params['signature'], 'signature', 256);
  const { valid, nodeId } = await wallet.verifyMessage({ message, signature });
  // What the user sees is not the site's to know; that it is no signature at all is.
  await prompts.ask({ kind: 'verifyMessage', site, message, signature, valid, nodeId }, signal);
  if (!valid) throw invalid('The signature is not one of this message.');
  return null;
};

/** `webln.lnurl`: follows an LNURL (LUD-01). */
export const lnurl: Method = ({ lnurl: runner }, site, params, signal) =>
  runner.run(site, read.text(params['lnurl'], 'lnurl', 4_096), signal);

/** Only invoices that this site had made or paid: what else the wallet does is not its business. */
export const lookupInvoice: Method = async ({ wallet, records, payments }, site, params) => {
  const given = read.optionalText(params['paymentRequest'], 'paymentRequest', 8_192);
  const paymentHash =
    given === ''
      ? read.hash(params['paymentHash'], 'paymentHash')
      : (await payments.inspect(read.invoice(given))).paymentHash;
  const made = await records.invoice('made', site, paymentHash);
  const mine = made === null ? null : await wallet.invoice(paymentHash);
  if (made !== null && mine) return found(made, mine.paid ? mine.preimage : null, mine.paid);
  const sent = await records.invoice('sent', site, paymentHash);
  if (sent === null) throw invalid('This site has no such invoice.');
  const outcome = await wallet.lookup(paymentHash);
  if (outcome.state !== 'succeeded') return found(sent, null, false);
  return found(sent, (await records.isDisputed(paymentHash)) ? null : outcome.preimage, true);
};

const found = (paymentRequest: string, preimage: string | null, paid: boolean): Json => ({
  paymentRequest,
  paid,
  ...(preimage === null ? {} : { preimage }),
});
