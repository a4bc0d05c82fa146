import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { Json, PromptRequest } from '../../src/provider.ts';
import { harness } from './site-harness.ts';

test("request: a node's methods by lnd's names, as far as they are the site's business", async () => {
  const { wallet, user, ok, fails } = harness();
  const request = (method: string, params?: Json) =>
    ok('request', { method, ...(params === undefined ? {} : { params }) });
  const { methods } = (await ok('getInfo')) as { methods: string[] };
  const pubkey = `03${'ab'.repeat(32)}`;
  const info = {
    alias: 'amplet',
    identity_pubkey: pubkey,
    color: '#ababab',
    version: '1.2.3',
    chains: [{ chain: 'bitcoin', network: 'regtest' }],
    testnet: true,
  };
  // As webln.guide calls it, and as its types do.
  for (const name of ['getinfo', 'request.getinfo']) assert.deepEqual(await request(name), info);
  const made = (await request('addinvoice', { memo: 'tea', value: '21' })) as {
    payment_request: string;
    r_hash: string;
  };
  const details = wallet.invoices.get(made.payment_request)!;
  assert.deepEqual(
    [details.amountMsat, details.description, Buffer.from(made.r_hash, 'base64').toString('hex')],
    [21_000n, 'tea', details.paymentHash],
  );
  assert.equal(
    wallet.invoices.get(
      ((await request('addinvoice', { value_msat: '5000' })) as { payment_request: string }).payment_request,
    )!.amountMsat,
    5_000n,
  );
  for (const hash of [
    { r_hash_str: details.paymentHash },
    { r_hash: made.r_hash },
    { payment_hash: details.paymentHash },
  ]) {
    assert.deepEqual(await request('lookupinvoice', hash), {
      payment_request: made.payment_request,
      r_hash: made.r_hash,
      settled: false,
      state: 'OPEN',
    });
  }
  assert.deepEqual(await request('decodepayreq', { pay_req: made.payment_request }), {
    destination: details.payee,
    payment_hash: details.paymentHash,
    num_satoshis: '21',
    num_msat: '21000',
    description: 'tea',
  });
  assert.deepEqual(user.asked, []);
  assert.deepEqual(await request('channelbalance'), {
    balance: '5000',
    local_balance: { sat: '5000', msat: '5000000' },
  });
  await request('signmessage', { msg: Buffer.from('caf\u00e9').toString('base64') });
  await request('signmessage', { message: 'tea' });
  assert.deepEqual(await request('verifymessage', { msg: btoa('x'), signature: 'good' }), { valid: true });
  const asked: PromptRequest[] = user.asked;
  assert.deepEqual(
    asked.map((question) => ('message' in question ? question.message : question.kind)),
    ['balance', 'caf\u00e9', 'tea', 'x'],
  );
  for (const name of [
    'getinfo',
    'channelbalance',
    'addinvoice',
    'lookupinvoice',
    'decodepayreq',
    'signmessage',
    'verifymessage',
  ]) {
    assert.ok(methods.includes(`request.${name}`), name);
  }
  for (const method of [
    'listchannels',
    'listpeers',
    'connectpeer',
    'openchannel',
    'closechannel',
    'walletbalance',
    'listpayments',
    'listinvoices',
    'sendtoroute',
    'newaddress',
    'sendcoins',
    'toString',
    '__proto__',
  ]) {
    await fails('UnsupportedMethodError', 'request', { method, params: {} });
  }
  for (const [method, params] of [
    ['addinvoice', { value_msat: '1500' }],
    ['lookupinvoice', { r_hash: '!' }],
    ['lookupinvoice', { r_hash_str: 'ab'.repeat(32) }],
    ['signmessage', { msg: '!' }],
    ['verifymessage', { msg: btoa('x'), signature: 'bad' }],
    ['decodepayreq', { pay_req: 'garbage' }],
    ['getinfo', []],
  ] as const)
    await fails('InvalidDataError', 'request', { method, params });
});
