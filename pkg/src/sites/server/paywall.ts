/** Answers that cost money, for servers whose handlers take a `Request` and give a `Response`: L402 and the "Payment" scheme together. */

import type { Wallet } from '../../wallet/wallet.ts';
import { toError } from '../../base/error.ts';
import { FUNCTION, having, must, TEXT, whole, type Kind } from '../../base/kinds.ts';
import { named, type Names } from '../../base/named.ts';
import { proves } from '../proof.ts';
import { chargeChallenge, chargeReceipt, checkCharge, type ChargeContext } from './charge.ts';
import { bytesOf } from './hmac.ts';
import { mint, verify } from './macaroon.ts';
import type { Invoices, PaidRequest, UsedCharges } from './types.ts';

/** Parts and options of {@link paywall}. */
export interface PaywallOptions {
  /** Makes the invoices. */
  readonly invoices: Invoices;
  /** Signs credentials: at least 32 bytes that this service alone knows. Whoever has it needs not pay; with another all are invalid. */
  readonly secret: string | Uint8Array;
  /** Name of what is sold, of letters, digits, `_` and `-`: a credential opens the service of its name only. */
  readonly service: string;
  /** Price in millisatoshi, whole satoshis, or what says it for a request. L402 that was bought for less does not open it. */
  readonly priceMsat: bigint | ((request: Request) => bigint | Promise<bigint>);
  /** What the payer reads; by default the service's name. */
  readonly description?: string | undefined;
  /** Seconds for which an L402 credential is good, by default an hour. */
  readonly validSecs?: number | undefined;
  /** Seconds for which the invoice can be paid, by default ten minutes. */
  readonly expirySecs?: number | undefined;
  /** Which are offered; by default both. */
  readonly schemes?: readonly PaidRequest['scheme'][] | undefined;
  /** Charges that were used; by default this process's own. */
  readonly used?: UsedCharges | undefined;
  /** Milliseconds since the UNIX epoch; by default the environment's clock. */
  readonly now?: (() => number) | undefined;
}

/** Answers a request; `paid` is what opened it. */
export type PaidHandler = (request: Request, paid: PaidRequest) => Response | Promise<Response>;

const PRICE: Kind = {
  is: (value) => typeof value === 'function' || (typeof value === 'bigint' && value >= 1000n && value % 1000n === 0n),
  what: 'a bigint of whole satoshis, such as 5000n, or a function',
};
const SECRET: Kind = {
  is: (value) => (typeof value === 'string' || value instanceof Uint8Array) && bytesOf(value).length >= 32,
  what: 'at least 32 bytes that nobody else knows',
};
const SERVICE: Kind = {
  is: (value) => typeof value === 'string' && /^[A-Za-z0-9_-]{1,64}$/.test(value),
  what: '1 to 64 letters, digits, `_` and `-`',
};
const SCHEMES: Kind = {
  is: (value) => Array.isArray(value) && value.every((one) => one === 'l402' || one === 'payment'),
  what: "a list of 'l402' and 'payment'",
};
const SECONDS = whole(1, 0xffff_ffff);
const OPTIONS: Names<PaywallOptions> = {
  invoices: having('what makes invoices: `new GatewayApi(url, key)` or `walletInvoices(wallet)`', 'createInvoice'),
  secret: SECRET,
  service: SERVICE,
  priceMsat: PRICE,
  description: TEXT,
  validSecs: SECONDS,
  expirySecs: SECONDS,
  schemes: SCHEMES,
  used: having('what notes charges', 'take', 'giveBack'),
  now: FUNCTION,
};

const PROBLEMS = 'https://paymentauth.org/problems/lightning/';

/**
 * Puts a price on handlers: `const paid = paywall({ … }); export default { fetch: paid((request) => new Response('…')) }`. Who has not paid
 * is answered 402, with an invoice as L402 (and LSAT), and as a charge of the "Payment" scheme. The preimage proves the payment: nobody is
 * asked. A charge is good once, and for the very request (method, path, query) that it was asked for; when the handler throws or answers
 * 5xx, it can be shown again.
 *
 * The handler that comes back rejects as `invoices` and the handler do. Preflights (OPTIONS) carry no credentials: answer them before.
 * @throws {WalletError} `invalidInput`: an option is missing, unknown, or not what it should be
 */
export function paywall(options: PaywallOptions): (handler: PaidHandler) => (request: Request) => Promise<Response> {
  const wall = new Wall(named('paywall', options, OPTIONS, ['invoices', 'secret', 'service', 'priceMsat']));
  return (handler) => {
    must('handler', handler, FUNCTION);
    return (request) => wall.answer(request, handler);
  };
}

/**
 * A wallet's own invoices, for {@link paywall}.
 * @throws {WalletError} `invalidInput`; from `createInvoice`: the wallet's, also when it cannot receive the amount now
 */
export function walletInvoices(wallet: Pick<Wallet, 'receive'>): Invoices {
  must('wallet', wallet, having('an open `Wallet`', 'receive'));
  return {
    createInvoice: async (request) => {
      const { invoice, paymentHash, expiresAt, missing } = await wallet.receive(request);
      if (missing !== null) throw toError(missing);
      return { invoice, paymentHash, expiresAt: Number(expiresAt) };
    },
  };
}

class Wall {
  readonly #options: PaywallOptions;
  readonly #used: UsedCharges;
  readonly #now: () => number;

  constructor(options: PaywallOptions) {
    const { used = new Used(() => this.#now()), now = Date.now } = options;
    this.#options = options;
    this.#used = used;
    this.#now = now;
  }

  async answer(request: Request, handler: PaidHandler): Promise<Response> {
    const { priceMsat } = this.#options;
    const price = typeof priceMsat === 'function' ? await priceMsat(request) : priceMsat;
    const header = request.headers.get('authorization') ?? '';
    const hash = this.#offers('l402') ? await this.#l402(header, price) : null;
    if (hash !== null) return withHeaders(await handler(request, { scheme: 'l402', paymentHash: hash }), {});
    const credential = this.#offers('payment') ? /^Payment ([A-Za-z0-9_-]+)=*$/i.exec(header)?.[1] : undefined;
    if (credential === undefined) return this.#demand(request, price, null);
    const checked = await checkCharge(this.#charge(request), credential);
    if ('problem' in checked) return this.#demand(request, price, checked);
    const { paymentHash, id, expiresMs } = checked;
    if (!(await this.#used.take(paymentHash, expiresMs)))
      return this.#demand(request, price, { problem: 'unknown-challenge', detail: 'It was used before: ask again.' });
    return this.#deliver(request, handler, paymentHash, id);
  }

  async #deliver(request: Request, handler: PaidHandler, paymentHash: string, id: string): Promise<Response> {
    try {
      const response = await handler(request, { scheme: 'payment', paymentHash });
      if (response.status >= 500) await this.#used.giveBack(paymentHash);
      return withHeaders(response, { 'payment-receipt': chargeReceipt(id, paymentHash, this.#now()) });
    } catch (error) {
      await this.#used.giveBack(paymentHash);
      throw error;
    }
  }

  #offers(scheme: PaidRequest['scheme']): boolean {
    return this.#options.schemes?.includes(scheme) ?? true;
  }

  /** The payment hash of an L402 credential that opens this at this price; `null`: it does not. */
  async #l402(header: string, priceMsat: bigint): Promise<string | null> {
    const [, token = '', preimage = ''] = /^(?:L402|LSAT) ([A-Za-z0-9+/=_-]+):([0-9a-f]{64})$/i.exec(header) ?? [];
    if (token === '') return null;
    const found = await verify(this.#options.secret, token);
    if (found === null || !(await proves(preimage.toLowerCase(), found.paymentHash))) return null;
    const { service } = this.#options;
    // A holder may narrow a credential down, so each of several has to hold, and one that is unknown does not.
    const holds: Record<string, (value: string) => boolean> = {
      services: (value) => value.split(',').includes(`${service}:0`),
      [`${service}_valid_until`]: (value) => this.#now() < Number(value) * 1000,
      [`${service}_price_msat`]: (value) => /^[0-9]+$/.test(value) && BigInt(value) >= priceMsat,
    };
    const caveats = found.caveats.map((caveat) => /^([^=]*)=(.*)$/.exec(caveat) ?? []);
    const all = Object.keys(holds).every((name) => caveats.some(([, given]) => given === name));
    const right = caveats.every(([, name = '', value = '']) => Object.hasOwn(holds, name) && holds[name]!(value));
    return all && right ? found.paymentHash : null;
  }

  /** 402, with a fresh invoice. */
  async #demand(
    request: Request,
    amountMsat: bigint,
    wrong: { readonly problem: string; readonly detail: string } | null,
  ): Promise<Response> {
    const { invoices, secret, service, description = service, validSecs = 3600, expirySecs = 600 } = this.#options;
    const issued = await invoices.createInvoice({ amountMsat, description, expirySecs });
    const challenges: string[] = [];
    if (this.#offers('l402')) {
      const until = Math.floor(this.#now() / 1000) + validSecs;
      const token = await mint(secret, issued.paymentHash, [
        `services=${service}:0`,
        `${service}_valid_until=${until}`,
        `${service}_price_msat=${amountMsat}`,
      ]);
      const both = `macaroon="${token}", invoice="${issued.invoice}"`;
      challenges.push(`L402 version="0", token="${token}", ${both}`, `LSAT ${both}`);
    }
    if (this.#offers('payment')) challenges.push(await chargeChallenge(this.#charge(request), issued, service));
    const message = `${description} costs ${amountMsat / 1000n} sat: pay the invoice in WWW-Authenticate.`;
    const body =
      wrong === null
        ? { message }
        : { type: PROBLEMS + wrong.problem, title: message, status: 402, detail: wrong.detail };
    const response = Response.json(body, { status: 402 });
    if (wrong !== null) response.headers.set('content-type', 'application/problem+json');
    return withHeaders(response, { 'www-authenticate': challenges.join(', ') });
  }

  #charge(request: Request): ChargeContext {
    const { pathname, search } = new URL(request.url);
    const { secret, service } = this.#options;
    return { secret, realm: service, request: `${request.method} ${pathname}${search}`, nowMs: this.#now() };
  }
}

/** In this process only. */
class Used implements UsedCharges {
  readonly #until = new Map<string, number>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  async take(paymentHash: string, untilMs: number): Promise<boolean> {
    for (const [hash, until] of this.#until) if (until <= this.#now()) this.#until.delete(hash);
    if (this.#until.has(paymentHash)) return false;
    this.#until.set(paymentHash, untilMs);
    return true;
  }

  async giveBack(paymentHash: string): Promise<void> {
    this.#until.delete(paymentHash);
  }
}

/** The answer, for nobody else's cache, and readable by pages of other origins where the server lets them ask. */
function withHeaders(response: Response, more: Record<string, string>): Response {
  const headers = new Headers(response.headers);
  if (!headers.has('cache-control')) headers.set('cache-control', 'no-store');
  headers.append('access-control-expose-headers', 'www-authenticate, payment-receipt');
  for (const [name, value] of Object.entries(more)) headers.set(name, value);
  const { status, statusText } = response;
  return new Response(response.body, { status, statusText, headers });
}
