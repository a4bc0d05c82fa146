/**
 * A paid API. `/api/fortune` and `/article` speak L402 (and LSAT, its old name): paid once, used for an hour. `/api/joke` speaks the
 * "Payment" scheme's lightning charge: paid each time. Neither asks the gateway whether it was paid: the preimage proves it.
 */

import { createHash, randomBytes } from 'node:crypto';
import { json, serve, settings } from '../lib/server.mjs';
import { Charges } from './charge.mjs';
import { mint, verify } from './macaroon.mjs';

/** @typedef {import('../lib/server.mjs').Answer} Answer */

const FORTUNES = [
  'You will find a bug before it finds you.',
  'A small payment opens a large door.',
  'Someone reads your commit message today.',
];
const JOKES = [
  'There are 10 kinds of people: those who read binary, and those who do not.',
  'I would tell a UDP joke, but you might not get it.',
];
const ARTICLE = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>The article · Amplet examples</title><link rel="stylesheet" href="look.css"><link rel="icon" href="icon.svg"></head><body><main><article class="card">
<h1>The article</h1><p>This page cost a few satoshis, and took no account and no password. The proof of payment opens it for an hour.</p>
<p><a href="/">Back</a></p></article></main></body></html>`;

const VALID_SECS = 3600;
const L402_MSAT = 5_000n;
const CHARGE_MSAT = 2_000n;

/** API calls come from other origins' pages as well; what they have to read is exposed. */
const OPEN = {
  'access-control-allow-origin': '*',
  'access-control-allow-headers': 'authorization, accept-authenticate',
  'access-control-expose-headers': 'www-authenticate, payment-receipt',
};

const { gateway } = settings();
/** Credentials end with the process; a service keeps this secret. */
const secret = randomBytes(32);
const charges = new Charges('amplet-example');

const origin = await serve(
  {
    'GET /api/fortune': (request) => behindL402(request, 'A fortune', () => json({ fortune: any(FORTUNES) })),
    'GET /article': (request) =>
      behindL402(request, 'The article', () => ({
        status: 200,
        headers: { 'content-type': 'text/html; charset=utf-8' },
        body: ARTICLE,
      })),
    'GET /api/joke': charged,
    'OPTIONS /api/:any': () => ({ status: 204, headers: OPEN }),
  },
  import.meta.url,
);
console.log(JSON.stringify({ example: 'l402', url: origin }));

/** @param {string[]} all */
const any = (all) => all[Math.floor(Math.random() * all.length)];

/** @param {Answer} answer @param {Record<string, string | string[]>} headers @returns {Answer} */
const adding = (answer, headers) => ({
  ...answer,
  headers: { ...answer.headers, ...OPEN, 'cache-control': 'no-store', ...headers },
});

/**
 * @param {import('../lib/server.mjs').Request} request
 * @param {string} what
 * @param {() => Answer} goods
 */
async function behindL402(request, what, goods) {
  if (proven(request.headers.authorization)) return adding(goods(), {});
  const invoice = await gateway.createInvoice({
    amountMsat: L402_MSAT,
    description: `${what} from the example API`,
    expirySecs: 600,
  });
  const until = Math.floor(Date.now() / 1000) + VALID_SECS;
  const token = mint(secret, invoice.paymentHash, ['services=example:0', `example_valid_until=${until}`]);
  const challenge = `macaroon="${token}", invoice="${invoice.invoice}"`;
  const headers = { 'www-authenticate': [`L402 version="0", token="${token}", ${challenge}`, `LSAT ${challenge}`] };
  return adding(
    json({ message: `${what} costs ${L402_MSAT / 1000n} sat; pay the invoice in WWW-Authenticate (L402).` }, 402),
    headers,
  );
}

/** True if a credential is ours, paid, and still valid. @param {string | undefined} header */
function proven(header) {
  const [, macaroon, preimage] = /^(?:L402|LSAT) ([A-Za-z0-9+/=_-]+):([0-9a-fA-F]{64})$/i.exec(header ?? '') ?? [];
  if (macaroon === undefined || preimage === undefined) return false;
  const found = verify(secret, macaroon);
  if (!found || createHash('sha256').update(Buffer.from(preimage, 'hex')).digest('hex') !== found.paymentHash)
    return false;
  const now = Date.now() / 1000;
  // A holder may narrow a credential down, so each of several has to hold.
  const limits = found.caveats.filter((caveat) => caveat.startsWith('example_valid_until='));
  return limits.length > 0 && limits.every((caveat) => now < Number(caveat.split('=')[1]));
}

/** @param {import('../lib/server.mjs').Request} request */
async function charged(request) {
  const [, token] = /^Payment ([A-Za-z0-9_-]+)=*$/i.exec(request.headers.authorization ?? '') ?? [];
  const used = token === undefined ? null : charges.use(token);
  if (used && 'receipt' in used) return adding(json({ joke: any(JOKES) }), { 'payment-receipt': used.receipt });
  const invoice = await gateway.createInvoice({
    amountMsat: CHARGE_MSAT,
    description: 'A joke from the example API',
    expirySecs: 600,
  });
  const headers = { 'www-authenticate': charges.challenge(invoice) };
  if (!used)
    return adding(
      json({ message: `A joke costs ${CHARGE_MSAT / 1000n} sat each time (Payment, lightning charge).` }, 402),
      headers,
    );
  return adding(json(used.problem, used.problem.status), { ...headers, 'content-type': 'application/problem+json' });
}
