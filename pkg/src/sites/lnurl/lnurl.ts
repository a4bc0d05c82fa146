/** `webln.lnurl`: pay (LUD-06, 09, 10, 12, 18), withdraw (LUD-03, and with a PIN), log in (LUD-04). */

import { invalid, ProviderError } from '../errors.ts';
import { requireEnough } from '../payments/not-enough.ts';
import type { Payments } from '../payments/pay.ts';
import { chosen, type Allowed, type Prompts } from '../payments/prompts.ts';
import type { SiteRecords } from '../payments/records.ts';
import { sha256 } from '../proof.ts';
import type { InvoiceDetails, Site, SiteWallet } from '../types.ts';
import type { Json } from '../wire.ts';
import { descriptionHash } from '../../base/bolt11.ts';
import type { PendingSuccessActions } from './pending-actions.ts';
import {
  askService,
  getJson,
  lnurlTarget,
  refuseLocal,
  serviceError,
  type PayService,
  type WithdrawService,
} from './service.ts';
import { readSuccess } from './success.ts';

/** Parts and options of {@link Lnurl}. */
interface Parts {
  readonly wallet: SiteWallet;
  readonly prompts: Prompts;
  readonly payments: Payments;
  readonly records: SiteRecords;
  readonly pendingActions: PendingSuccessActions;
  readonly fetch: typeof globalThis.fetch;
}

/** Runs LNURLs for sites. */
export class Lnurl {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Runs one to its end; the answer is what WebLN describes. */
  async run(site: Site, text: string, signal: AbortSignal): Promise<Json> {
    const url = lnurlTarget(text);
    if (url.searchParams.get('tag') === 'login') return this.#logIn(site, url, signal);
    const service = await askService(this.#parts.fetch, site, url, signal);
    if ('status' in service) return { ...service };
    if (service.tag === 'payRequest') return this.#pay(site, url.host, service, signal);
    return this.#withdraw(site, url.host, service, signal);
  }

  async #pay(site: Site, domain: string, service: PayService, signal: AbortSignal): Promise<Json> {
    const { minMsat, maxMsat, text } = service;
    await requireEnough(this.#parts, signal, { site, amountMsat: minMsat, maxFeeMsat: 0n });
    const allowed = await this.#agreed(site, domain, service, signal);
    const amountMsat = chosen(allowed, { minMsat, maxMsat });
    if (amountMsat === null) throw invalid('No amount was chosen.');
    const payerData = await this.#payerData(domain, service, allowed);
    const callback = new URL(service.callback);
    callback.searchParams.set('amount', String(amountMsat));
    const comment = allowed.comment?.slice(0, service.commentLength);
    if (comment) callback.searchParams.set('comment', comment);
    if (payerData !== '') callback.searchParams.set('payerdata', payerData);
    const answer = await getJson(this.#parts.fetch, callback, signal);
    if (answer['status'] === 'ERROR') return { ...serviceError(answer) };
    const success = readSuccess(answer['successAction'], callback);
    const details = await this.#invoiceFor(answer['pr'], amountMsat, `${service.metadata}${payerData}`);
    const { paymentHash, invoice: paymentRequest } = details;
    const { pendingActions, payments } = this.#parts;
    const successAction = answer['successAction'] as Json;
    // Noted with the payment, so that the user sees it whoever dies meanwhile.
    const promise = { site, domain, callback: callback.href, successAction };
    const records = success ? [pendingActions.noted(paymentHash, promise)] : [];
    const context = { kind: 'lnurl', domain, text } as const;
    const order = { site, details, context, signal, approvedMsat: allowed.approvedMsat, records };
    const preimage = await payments.pay(order).catch(async (error: unknown) => {
      if (error instanceof ProviderError && error.name !== 'ConnectionError') await pendingActions.drop(paymentHash);
      throw error;
    });
    // The site has its answer meanwhile.
    if (success) void pendingActions.show(paymentHash, preimage).catch(() => {});
    return { status: 'OK', data: { preimage, paymentHash, paymentRequest, ...(success ? { successAction } : {}) } };
  }

  /** Asks the user to choose. Where there is nothing to choose and to tell, the invoice alone is asked about, if it has to be. */
  async #agreed(site: Site, domain: string, service: PayService, signal: AbortSignal): Promise<Allowed> {
    const { minMsat, maxMsat, text, commentLength, payer } = service;
    const known = payer.filter(({ field, mandatory }) => field !== 'login' || mandatory);
    if (minMsat === maxMsat && !known.some(({ mandatory }) => mandatory)) return { allowed: true, amountMsat: minMsat };
    return this.#parts.prompts.ask(
      { kind: 'lnurlPay', site, domain, text, commentLength, payer: known, minMsat, maxMsat },
      signal,
    );
  }

  /** `payerdata` as it goes to the service and into what the invoice commits to (LUD-18); empty: nothing is told. */
  async #payerData(domain: string, { payer, k1 }: PayService, { payer: told = {} }: Allowed): Promise<string> {
    const data: Record<string, Json> = {};
    for (const { field, mandatory } of payer) {
      if (field === 'login') {
        const { lnurlAuth } = this.#parts.wallet;
        if (!mandatory || k1 === null) continue;
        if (!lnurlAuth) throw new ProviderError('UnsupportedMethodError', 'This wallet does not log in by LNURL.');
        data['auth'] = { ...(await lnurlAuth({ domain: new URL(`https://${domain}`).hostname, k1 })), k1 };
        continue;
      }
      const said = told[field]?.trim().slice(0, 256);
      if (said) data[field] = said;
      else if (mandatory)
        throw invalid('The service behind the LNURL wants to know more of who pays than was told; nothing was paid.');
    }
    return Object.keys(data).length === 0 ? '' : JSON.stringify(data);
  }

  /** The service's invoice, if it is for what was agreed. */
  async #invoiceFor(invoice: unknown, amountMsat: bigint, committed: string): Promise<InvoiceDetails> {
    if (typeof invoice !== 'string') throw invalid('The service behind the LNURL sends no invoice.');
    const details = await this.#parts.payments.inspect(invoice);
    if (details.amountMsat !== amountMsat)
      throw invalid('The invoice of the service is not about the amount that was chosen; nothing was paid.');
    // No longer asked of services (LUD-06), but one that commits to a description commits to this one.
    const hash = descriptionHash(details.invoice);
    if (hash !== null && hash !== (await sha256(new TextEncoder().encode(committed)))) {
      throw invalid('The invoice of the service is for something else; nothing was paid.');
    }
    return details;
  }

  async #withdraw(site: Site, domain: string, service: WithdrawService, signal: AbortSignal): Promise<Json> {
    const { minMsat, maxMsat, text, pinFromMsat } = service;
    const allowed = await this.#parts.prompts.ask(
      { kind: 'lnurlWithdraw', site, domain, text, pinFromMsat, minMsat, maxMsat },
      signal,
    );
    const amountMsat = chosen(allowed, { minMsat, maxMsat }) ?? maxMsat;
    const pin = allowed.pin ?? '';
    const wantsPin = pinFromMsat !== null && amountMsat >= pinFromMsat;
    if (wantsPin && !/^[0-9]{1,8}$/.test(pin))
      throw invalid('The service behind the LNURL wants a PIN of 1 to 8 digits for this amount.');
    const { invoice, paymentHash } = await this.#parts.wallet.receive({ amountMsat, description: text });
    await this.#parts.records.recordMade(site, paymentHash, invoice);
    const callback = new URL(service.callback);
    callback.searchParams.set('k1', service.k1);
    callback.searchParams.set('pr', invoice);
    if (wantsPin) callback.searchParams.set('pin', pin);
    const answer = await getJson(this.#parts.fetch, callback, signal);
    return answer['status'] === 'OK' ? { status: 'OK' } : { ...serviceError(answer) };
  }

  async #logIn(site: Site, url: URL, signal: AbortSignal): Promise<Json> {
    refuseLocal(site, url);
    const { lnurlAuth } = this.#parts.wallet;
    if (!lnurlAuth) throw new ProviderError('UnsupportedMethodError', 'This wallet does not log in by LNURL.');
    const k1 = url.searchParams.get('k1') ?? '';
    if (!/^[0-9a-fA-F]{64}$/.test(k1)) throw invalid('The LNURL to log in has no k1 of 64 hex digits.');
    const asked = url.searchParams.get('action') ?? 'login';
    const action = (['register', 'login', 'link', 'auth'] as const).find((known) => known === asked);
    if (!action) throw invalid('The LNURL to log in asks for an action that there is not.');
    const domain = url.hostname;
    await this.#parts.prompts.ask(
      // Which names are one party's is not known here (a host may be a stranger's page below it), so only the same one is.
      { kind: 'lnurlAuth', site, domain, action, foreign: new URL(site.origin).hostname !== domain },
      signal,
    );
    const { key, sig } = await lnurlAuth({ domain, k1 });
    const callback = new URL(url);
    callback.searchParams.set('sig', sig);
    callback.searchParams.set('key', key);
    const answer = await getJson(this.#parts.fetch, callback, signal);
    return answer['status'] === 'OK'
      ? { status: 'OK', data: { message: k1, signature: sig } }
      : { ...serviceError(answer) };
  }
}
