import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { mint, verify } from '../l402/macaroon.mjs';
import { challenge, examples, get, pay } from '../lib/network.mjs';

const fortune = `${examples.l402}/api/fortune`;
const joke = `${examples.l402}/api/joke`;
/** @param {string} url @param {string} authorization */
const ask = (url, authorization) => get(url, { headers: { authorization } });

test('L402: 402, paid once, used again; LSAT clients too', async () => {
  const asked = await get(fortune);
  assert.equal(asked.status, 402);
  assert.equal(asked.headers.get('cache-control'), 'no-store');
  assert.equal(asked.headers.get('access-control-expose-headers'), 'www-authenticate, payment-receipt');
  const header = asked.headers.get('www-authenticate') ?? '';
  const { version, token, macaroon, invoice = '' } = challenge(header, 'L402');
  assert.deepEqual([version, macaroon], ['0', token]);
  assert.deepEqual(challenge(header, 'LSAT'), { macaroon, invoice });
  const preimage = await pay(invoice);
  for (const scheme of ['L402', 'LSAT', 'l402']) {
    const told = await ask(fortune, `${scheme} ${macaroon}:${preimage}`);
    assert.equal(told.status, 200, scheme);
    assert.equal(typeof told.json().fortune, 'string');
  }
  const page = await ask(`${examples.l402}/article`, `L402 ${macaroon}:${preimage}`);
  assert.match(page.body, /<h1>The article/);
  const other = challenge((await get(fortune)).headers.get('www-authenticate') ?? '', 'L402');
  for (const wrong of [
    `L402 ${macaroon}:${'00'.repeat(32)}`,
    `L402 ${other['macaroon']}:${preimage}`,
    `L402 x:${preimage}`,
    `Basic ${macaroon}:${preimage}`,
  ]) {
    assert.equal((await ask(fortune, wrong)).status, 402, wrong);
  }
});

test('a macaroon is what its holder was given, or less', () => {
  const secret = randomBytes(32);
  const hash = 'ab'.repeat(32);
  const token = mint(secret, hash, ['services=example:0', 'example_valid_until=5']);
  assert.deepEqual(verify(secret, token), {
    paymentHash: hash,
    caveats: ['services=example:0', 'example_valid_until=5'],
  });
  assert.equal(verify(randomBytes(32), token), null, 'another secret');
  const bytes = Buffer.from(token, 'base64');
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    assert.equal(verify(secret, changed.toString('base64')), null, `byte ${at}`);
    assert.equal(verify(secret, bytes.subarray(0, at).toString('base64')), null, `cut at ${at}`);
  }
  // What a holder does to hand on less: chain one more caveat to the signature.
  const caveat = Buffer.from('example_valid_until=3');
  const signature = createHmac('sha256', bytes.subarray(-32)).update(caveat).digest();
  const body = bytes.subarray(0, -35);
  const narrowed = Buffer.concat([
    body,
    Buffer.from([2, caveat.length]),
    caveat,
    Buffer.from([0, 0, 6, 32]),
    signature,
  ]);
  assert.deepEqual(verify(secret, narrowed.toString('base64'))?.caveats.at(-1), 'example_valid_until=3');
});

/** @param {Record<string, string | undefined>} echo @param {string} preimage */
const credential = (echo, preimage) =>
  `Payment ${Buffer.from(JSON.stringify({ challenge: echo, payload: { preimage } })).toString('base64url')}`;
/** @param {string} text */
const decoded = (text) => JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));

test('a charge of the Payment scheme is good for one answer', async () => {
  const asked = await get(joke);
  assert.equal(asked.status, 402);
  const echo = challenge(asked.headers.get('www-authenticate') ?? '', 'Payment');
  assert.deepEqual([echo['method'], echo['intent']], ['lightning', 'charge']);
  const request = decoded(echo['request'] ?? '');
  assert.deepEqual([request.amount, request.currency, request.methodDetails.network], ['2', 'sat', 'regtest']);
  assert.ok(Date.parse(echo['expires'] ?? '') > Date.now());
  const preimage = await pay(request.methodDetails.invoice);
  /** @param {Promise<{ status: number, json(): any }>} sent @param {number} status @param {string} problem */
  const refused = async (sent, status, problem) => {
    const answer = await sent;
    assert.equal(answer.status, status);
    assert.equal(answer.json().type, `https://paymentauth.org/problems/lightning/${problem}`);
  };
  await refused(ask(joke, 'Payment e30'), 400, 'malformed-credential');
  await refused(ask(joke, credential({ ...echo, realm: 'other' }, preimage)), 401, 'unknown-challenge');
  await refused(ask(joke, credential(echo, '00'.repeat(32))), 401, 'invalid-preimage');
  const both = await Promise.all([ask(joke, credential(echo, preimage)), ask(joke, credential(echo, preimage))]);
  assert.deepEqual(both.map(({ status }) => status).sort(), [200, 401], 'two at once, one answer');
  const told = both.find(({ status }) => status === 200);
  const { method, challengeId, reference, status } = decoded(told?.headers.get('payment-receipt') ?? '');
  assert.deepEqual(
    { method, challengeId, reference, status },
    { method: 'lightning', challengeId: echo['id'], reference: request.methodDetails.paymentHash, status: 'success' },
  );
  await refused(ask(joke, credential(echo, preimage)), 401, 'unknown-challenge');
});
