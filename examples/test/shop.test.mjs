import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { readWebhook } from '../lib/gateway.mjs';
import { examples, get, pay, post } from '../lib/network.mjs';

const shop = examples.shop;

test('an order is paid, and sent when the webhook tells of it', async () => {
  const order = crypto.randomUUID();
  const made = await post(`${shop}/api/orders`, { product: 'coffee', order });
  assert.equal(made.status, 201);
  const { id, invoice, amountMsat, state } = made.json();
  assert.deepEqual({ amountMsat, state }, { amountMsat: '21000', state: 'open' });
  const again = (await post(`${shop}/api/orders`, { product: 'coffee', order })).json();
  assert.equal(again.invoice, invoice, 'a repeated click orders once');
  const qr = await get(`${shop}/api/orders/${id}/qr.svg`);
  assert.match(qr.body, /^<svg /);
  const paying = pay(invoice);
  /** @type {string} */
  let now;
  do now = (await get(`${shop}/api/orders/${id}?wait=25`)).json().state;
  while (now === 'open');
  assert.equal(now, 'paid');
  await paying;
  for (let sent = false; !sent;) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    ({ sent } = (await get(`${shop}/api/orders/${id}`)).json());
  }
});

test('what is no order is refused', async () => {
  const order = crypto.randomUUID();
  for (const body of [{ product: 'moon', order }, { product: 'cake' }, { product: 'cake', order: 'x' }, []]) {
    assert.equal((await post(`${shop}/api/orders`, body)).status, 400, JSON.stringify(body));
  }
  for (const id of ['x', 'ab'.repeat(32)]) assert.ok((await get(`${shop}/api/orders/${id}`)).status >= 400);
});

test('a webhook that the gateway did not sign is refused', async () => {
  const body = JSON.stringify({
    id: 'evt_1',
    type: 'invoice.paid',
    data: { paymentHash: 'ab', metadata: { product: 'cake' } },
  });
  for (const signature of ['', 't=1,v1=00', `t=${Math.floor(Date.now() / 1000)},v1=${'00'.repeat(32)}`]) {
    const answer = await get(`${shop}/webhook`, { method: 'POST', body, headers: { 'amplet-signature': signature } });
    assert.equal(answer.status, 401, signature);
  }
});

test('a signature is checked with its time', () => {
  const sign = (/** @type {number} */ at, /** @type {string} */ body) =>
    `t=${at},v1=${createHmac('sha256', 'whsec_x').update(`${at}.${body}`).digest('hex')}`;
  assert.deepEqual(readWebhook('whsec_x', sign(1000, '{"id":"1"}'), '{"id":"1"}', 1010), { id: '1' });
  assert.equal(readWebhook('whsec_x', sign(1000, '{"id":"1"}'), '{"id":"2"}', 1010), null, 'another body');
  assert.equal(readWebhook('whsec_y', sign(1000, '{}'), '{}', 1010), null, 'another secret');
  assert.equal(readWebhook('whsec_x', sign(1000, '{}'), '{}', 2000), null, 'too old');
  assert.equal(readWebhook('whsec_x', undefined, '{}'), null);
});

test('every page has its policy, and no path leads out of its folder', async () => {
  for (const url of Object.values(examples)) {
    const page = await get(`${url}/`);
    assert.equal(page.status, 200);
    assert.match(page.headers.get('content-security-policy') ?? '', /script-src 'self';/);
    assert.doesNotMatch(page.body, /<script(?![^>]* src=)|\son[a-z]+=|style=/);
    for (const [, file] of page.body.matchAll(/(?:src|href)="([a-z0-9.]+)"/g))
      assert.equal((await get(`${url}/${file}`)).status, 200, file);
    for (const path of ['/server.mjs', '/..%2fserver.mjs', '/%2e%2e/server.mjs', '/nothing'])
      assert.equal((await get(url + path)).status, 404, path);
  }
});
