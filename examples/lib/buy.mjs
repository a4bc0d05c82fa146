/** Buys something from each example and prints the receipts: `cargo xtask demo --headless`. */

import { challenge, examples, get, invoice, keysend, pay, post, win } from './network.mjs';

/** @param {string} what @param {string} receipt */
const receipt = (what, receipt) => console.log(`✓ ${what.padEnd(6)} ${receipt}`);

const order = (await post(`${examples.shop}/api/orders`, { product: 'coffee', order: crypto.randomUUID() })).json();
await pay(order.invoice);
const sold = (await get(`${examples.shop}/api/orders/${order.id}?wait=25`)).json();
if (sold.state !== 'paid') throw new Error(`the order is ${sold.state}`);
receipt('shop', `a ${sold.product} for ${Number(sold.amountMsat) / 1000} sat, order ${sold.order}`);

const asked = await get(`${examples.l402}/api/fortune`);
const { token, invoice: price = '' } = challenge(asked.headers.get('www-authenticate') ?? '', 'L402');
const told = await get(`${examples.l402}/api/fortune`, {
  headers: { authorization: `L402 ${token}:${await pay(price)}` },
});
if (told.status !== 200) throw new Error(`the API answers ${told.status}: ${told.body}`);
receipt('l402', `a fortune for 5 sat: ${told.json().fortune}`);

const viewing = (await post(`${examples.video}/api/viewings`, {})).json();
for (let second = 0; second < 3; second += 1) {
  const state = await keysend(viewing.nodeId, viewing.id, Number(viewing.priceMsat));
  const shown = await post(`${examples.video}/api/viewings/${viewing.id}/seconds`, { second });
  if (state !== 'succeeded' || shown.status !== 200)
    throw new Error(`second ${second}: payment ${state}, ${shown.body}`);
}
const { usedMsat, leftMsat } = (await get(`${examples.video}/api/viewings/${viewing.id}`)).json();
receipt('video', `3 seconds for ${Number(usedMsat) / 1000} sat, ${leftMsat} msat left`);

const { life, lives } = await win(examples.game);
const mine = await invoice(25_000);
const paid = await post(`${examples.game}/api/lives/${life}/prize`, { invoice: mine.invoice });
if (paid.status !== 200) throw new Error(`no prize: ${paid.body}`);
receipt(
  'game',
  `won ${Number(paid.json().prizeMsat) / 1000} sat with ${lives} ${lives === 1 ? 'life' : 'lives'} of 10 sat`,
);
