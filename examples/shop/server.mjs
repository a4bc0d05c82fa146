/**
 * A shop. It keeps nothing: an order is an invoice with the product in its metadata, and what is sold is what the gateway says is
 * paid. The webhook is for what has to happen when nobody looks at the page any more: sending the goods.
 */

import { Refusal, json, object, qrCode, serve, settings, text } from '../lib/server.mjs';
import { readWebhook } from '../lib/gateway.mjs';

const PRODUCTS = [
  { id: 'coffee', name: 'Coffee', text: 'Hot, black, strong.', amountMsat: 21_000n },
  { id: 'cake', name: 'Cake', text: 'With cream, if you ask.', amountMsat: 42_000n },
  { id: 'sticker', name: 'Sticker', text: 'Says that you were here.', amountMsat: 1_000n },
];

const { gateway, webhookSecret } = settings();

/** Orders that the webhook told of: the same event may come twice, goods go out once. */
const sent = new Set();

/** @type {string} */
let origin = '';

origin = await serve(
  {
    'GET /api/products': () => json({ products: PRODUCTS }),
    'POST /api/orders': order,
    'GET /api/orders/:hash': async (_, url, hash) =>
      json(shown(await mine(hash, Number(url.searchParams.get('wait') ?? 0)))),
    'GET /api/orders/:hash/qr.svg': async (_, __, hash) => qrCode((await mine(hash, 0)).invoice),
    'POST /webhook': hear,
  },
  import.meta.url,
);
console.log(JSON.stringify({ example: 'shop', url: origin }));

/**
 * The page names its order, so that a click that is repeated after a lost answer orders once.
 *
 * @param {import('../lib/server.mjs').Request} request
 */
async function order(request) {
  const { product: id, order: once } = await object(request);
  const product = PRODUCTS.find((one) => one.id === id);
  if (!product) throw new Refusal(400, 'There is no such product; reload the page.');
  if (typeof once !== 'string' || !/^[0-9a-f-]{36}$/.test(once))
    throw new Refusal(400, 'The order has no name; reload the page.');
  const invoice = await gateway.createInvoice(
    {
      amountMsat: product.amountMsat,
      description: `${product.name} from the example shop`,
      expirySecs: 900,
      metadata: { product: product.id, order: once },
      webhookUrl: `${origin}/webhook`,
    },
    once,
  );
  return json(shown(invoice), 201);
}

/**
 * An order of this shop.
 *
 * @param {string | undefined} hash
 * @param {number} wait
 */
async function mine(hash, wait) {
  if (!hash || !/^[0-9a-f]{64}$/.test(hash)) throw new Refusal(404, 'There is no such order.');
  const invoice = await gateway.invoice(hash, Math.min(Math.max(Math.trunc(wait) || 0, 0), 25));
  if (!invoice.metadata['product']) throw new Refusal(404, 'There is no such order.');
  return invoice;
}

/** @param {import('../lib/gateway.mjs').Invoice} invoice */
function shown({ paymentHash, invoice, amountMsat, state, metadata }) {
  return {
    id: paymentHash,
    invoice,
    amountMsat,
    state,
    product: metadata['product'],
    order: metadata['order'],
    sent: sent.has(paymentHash),
  };
}

/** @param {import('../lib/server.mjs').Request} request */
async function hear(request) {
  const signature = request.headers['amplet-signature'];
  const event = readWebhook(webhookSecret, typeof signature === 'string' ? signature : undefined, await text(request));
  if (!event) throw new Refusal(401, 'This call is not signed by the gateway.');
  const { paymentHash, metadata } = event.data;
  if (event.type === 'invoice.paid' && metadata.product && !sent.has(paymentHash)) {
    sent.add(paymentHash);
    console.log(JSON.stringify({ example: 'shop', sold: metadata.product, order: metadata.order, event: event.id }));
  }
  return { status: 204 };
}
