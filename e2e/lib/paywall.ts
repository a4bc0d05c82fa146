/** Pages behind HTTP 402, as L402 servers serve them; the token names the payment hash, as a macaroon would. */

import type { IncomingMessage } from 'node:http';
import type { Network } from './network.mjs';
import type { Site } from './site';
import { sha256 } from './wallet-page.mjs';

export interface Paywall {
  /** Invoices that were made. */
  invoices: number;
  /** Requests that carried a credential. */
  credentials: number;
  /** In msat; may be changed. */
  price: bigint;
  /** Path to which a payer is redirected. */
  leadsTo?: string;
  /** Times of the last request without and with a credential, and of the last invoice; ms since the UNIX epoch. */
  times: { asked: number; billed: number; redeemed: number };
  /** Content delivered for the money; `silence` is nothing, without a header that says so. */
  deliver: 'page' | 'again' | 'nothing' | 'silence';
}

/** Puts a page that costs money at `path`; `story` is what it holds. */
export function paywall(
  site: Site,
  network: Network,
  path: string,
  price: bigint,
  story = '<h1>The whole story</h1>',
): Paywall {
  const state: Paywall = {
    invoices: 0,
    credentials: 0,
    price,
    times: { asked: 0, billed: 0, redeemed: 0 },
    deliver: 'page',
  };
  site.on(path, async (request, response) => {
    const paid = isPaid(request);
    state.times[paid ? 'redeemed' : 'asked'] = Date.now();
    if (request.headers.authorization !== undefined) state.credentials += 1;
    if (paid && state.leadsTo !== undefined) {
      response.writeHead(302, { location: state.leadsTo, 'cache-control': 'no-store' }).end();
      return;
    }
    if (paid && state.deliver === 'silence') {
      response
        .writeHead(200, { 'content-type': 'text/html', 'transfer-encoding': 'chunked', 'cache-control': 'no-store' })
        .end();
      return;
    }
    if (paid && state.deliver !== 'again') {
      const body = state.deliver === 'page' ? `<!doctype html><title>Read</title>${story}` : '';
      response
        .writeHead(200, {
          'content-type': 'text/html',
          'content-length': Buffer.byteLength(body),
          'cache-control': 'no-store',
        })
        .end(body);
      return;
    }
    const { invoice, paymentHash } = await network.gatewayInvoice(state.price);
    state.invoices += 1;
    state.times.billed = Date.now();
    const token = Buffer.from(paymentHash, 'hex').toString('base64');
    const headers = {
      'www-authenticate': `L402 macaroon="${token}", invoice="${invoice}"`,
      'content-type': 'text/html',
      'cache-control': 'no-store',
    };
    response.writeHead(402, headers).end('<!doctype html><title>Pay</title><h1>This costs money</h1>');
  });
  return state;
}

function isPaid({ headers }: IncomingMessage): boolean {
  const match = /^L402 ([A-Za-z0-9+/=]+):([0-9a-f]{64})$/.exec(headers.authorization ?? '');
  return match !== null && sha256(match[2] ?? '') === Buffer.from(match[1] ?? '', 'base64').toString('hex');
}
