import assert from 'node:assert/strict';
import { test } from 'vitest';
import { type Json } from '../../src/provider.ts';
import { METADATA, payService, harness } from './lnurl-fakes.ts';
import { askService } from '../../src/sites/lnurl/service.ts';

test('services that make no sense are refused, and their own errors handed on', async () => {
  for (const broken of [
    { min: 10, max: 5 },
    { min: 'x' },
    { max: 0 },
    { min: -1 },
    { min: 0.5 },
    { metadata: 'no JSON' },
    { metadata: '[]' },
  ]) {
    const { run, wallet } = payService(broken);
    assert.deepEqual(await run('zoe@tips.example'), { error: 'InvalidDataError' }, JSON.stringify(broken));
    assert.equal(wallet.paid.length, 0);
  }
  const answers: [unknown, Json][] = [
    [
      { status: 'ERROR', reason: 'closed' },
      { status: 'ERROR', reason: 'closed' },
    ],
    [{ tag: 'channelRequest' }, { error: 'UnsupportedMethodError' }],
    [{ tag: 'other' }, { error: 'InvalidDataError' }],
    ['<html>', { error: 'ConnectionError' }],
    ['[]', { error: 'ConnectionError' }],
    [`"${'x'.repeat(600_000)}"`, { error: 'ConnectionError' }],
    [
      { tag: 'payRequest', callback: 'http://tips.example/', minSendable: 1, maxSendable: 2, metadata: METADATA },
      { error: 'InvalidDataError' },
    ],
    [
      { tag: 'payRequest', callback: 'http://127.0.0.1:8080/', minSendable: 1, maxSendable: 2, metadata: METADATA },
      { error: 'InvalidDataError' },
    ],
  ];
  for (const [answer, result] of answers)
    assert.deepEqual(await harness({ 'https://x.example/': () => answer }).run('https://x.example/'), result);
  assert.deepEqual(await harness({}).run('https://x.example/'), { error: 'ConnectionError' });
  const { run, asked } = harness({});
  assert.deepEqual(await run('lnurlp://127.0.0.1:8080/'), { error: 'InvalidDataError' });
  assert.equal(asked.length, 0, 'a page does not make the wallet ask this machine');
});

test('LNURL-withdraw: the user allows it, and the service gets an invoice', async () => {
  const { wallet, user, asked, run } = harness({
    'https://win.example/w': () => ({
      tag: 'withdrawRequest',
      callback: 'https://win.example/cb',
      k1: 'k',
      defaultDescription: 'prize',
      minWithdrawable: 0,
      maxWithdrawable: 8_000,
    }),
    'https://win.example/cb': () => ({ status: 'OK' }),
  });
  assert.deepEqual(await run('lnurlw://win.example/w'), { status: 'OK' });
  const invoice = asked[1]!.searchParams.get('pr')!;
  assert.deepEqual([wallet.invoices.get(invoice)!.amountMsat, asked[1]!.searchParams.get('k1')], [8_000n, 'k']);
  assert.deepEqual(user.kinds, ['lnurlWithdraw']);
});

test('LNURL-withdraw: a PIN is asked for from the amount on that the service names, and nothing is nothing', async () => {
  const withdraw = {
    tag: 'withdrawRequest',
    callback: 'https://win.example/cb',
    k1: 'k',
    minWithdrawable: 1_000,
    maxWithdrawable: 8_000,
    pinLimit: 5_000,
  };
  const { user, asked, run } = harness({
    'https://win.example/w': () => withdraw,
    'https://win.example/cb': () => ({ status: 'OK' }),
  });
  const pins: [bigint, string | undefined, object, string | null][] = [
    [4_999n, undefined, { status: 'OK' }, null],
    [5_000n, '1234', { status: 'OK' }, '1234'],
    [5_000n, undefined, { error: 'InvalidDataError' }, null],
    [5_000n, '12 4', { error: 'InvalidDataError' }, null],
  ];
  for (const [amountMsat, pin, result, sent] of pins) {
    asked.length = 0;
    user.answer = (question) => {
      assert.ok(question.kind === 'lnurlWithdraw' && question.pinFromMsat === 5_000n);
      return { allowed: true, amountMsat, ...(pin === undefined ? {} : { pin }) };
    };
    assert.deepEqual(await run('lnurlw://win.example/w'), result);
    assert.equal(asked[1]?.searchParams.get('pin') ?? null, sent);
  }
  const empty = harness({ 'https://win.example/w': () => ({ ...withdraw, minWithdrawable: 0, maxWithdrawable: 0 }) });
  assert.deepEqual(await empty.run('lnurlw://win.example/w'), { error: 'InvalidDataError' });
  assert.deepEqual(empty.user.asked, []);
});

test('LNURL-auth: the domain is named, a login elsewhere is marked, and without keys it is refused', async () => {
  const k1 = 'ab'.repeat(32);
  const login = `https://auth.shop.example/in?tag=login&k1=${k1}&action=register`;
  const answers = {
    'https://auth.shop.example/in': () => ({ status: 'OK' }),
    'https://bank.example/in': () => ({ status: 'OK' }),
  };
  const without = harness(answers);
  assert.deepEqual(await without.run(login), { error: 'UnsupportedMethodError' });
  assert.deepEqual(without.asked, []);
  const { wallet, user, asked, run } = harness(answers);
  Object.assign(wallet, {
    lnurlAuth: async ({ domain }: { domain: string }) => ({ key: `key of ${domain}`, sig: '30' }),
  });
  assert.deepEqual(await run(login), { status: 'OK', data: { message: k1, signature: '30' } });
  assert.equal(asked[0]!.searchParams.get('key'), 'key of auth.shop.example');
  await run(login.replace('auth.shop.example', 'bank.example'));
  assert.deepEqual(
    user.asked.map((question) => question.kind === 'lnurlAuth' && [question.domain, question.action, question.foreign]),
    [
      ['auth.shop.example', 'register', true],
      ['bank.example', 'register', true],
    ],
  );
  for (const bad of [login.replace(k1, 'ab'), login.replace('register', 'transfer')])
    assert.deepEqual(await run(bad), { error: 'InvalidDataError' });
});

test('what a service calls a field is shown without what turns the message around', async () => {
  const payerData = { '\u202egnp\n.exe': { mandatory: true } };
  const answer = {
    tag: 'payRequest',
    callback: 'https://tips.example/pay',
    minSendable: 1,
    maxSendable: 2,
    metadata: METADATA,
  };
  const fetch = () => Promise.resolve(Response.json({ ...answer, payerData }));
  const site = { origin: 'https://shop.example', topLevel: 'https://shop.example' };
  const asked = askService(fetch, site, new URL('https://tips.example/x'), new AbortController().signal);
  await assert.rejects(asked, ({ message }: Error) => message.includes('payer\'s " gnp .exe"'));
});
