/** LNURLs of hostile pages and services: redirects, other names, this machine and its network. */

import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { Decision, Json } from '../../src/provider.ts';
import { SiteHost } from '../../src/provider.ts';
import { isPublicHost } from '../../src/sites/origin.ts';
import { METADATA, harness, payService } from './lnurl-fakes.ts';
import { FakeWallet, NOW, SHOP, User, turn } from './site-fakes.ts';

const K1 = 'cd'.repeat(32);
const LOGIN = `https://bank.example/in?tag=login&k1=${K1}`;
const terms = (callback: string, more: object = {}) => ({
  tag: 'payRequest',
  callback,
  minSendable: 5_000,
  maxSendable: 9_000,
  metadata: METADATA,
  ...more,
});

/** A host for `shop.example` whose net leads each request to `leads(url)`, as a fetch that follows redirects does. */
function led(leads: (url: string) => { url: string; answer: unknown }) {
  const wallet = new FakeWallet();
  const signed: string[] = [];
  Object.assign(wallet, {
    lnurlAuth: async ({ domain }: { domain: string }) => (signed.push(domain), { key: 'key', sig: '30' }),
  });
  const user = new User();
  const { store } = wallet;
  store.all.set('grant/https://shop.example https://shop.example', '{"version":1,"balance":false}');
  const modes: unknown[] = [];
  const fetch: typeof globalThis.fetch = async (input, init) => {
    modes.push(init?.redirect);
    const { url, answer } = leads(String(input));
    return Object.defineProperty(Response.json(answer), 'url', { value: url });
  };
  const host = new SiteHost({ wallet, ask: user.ask, version: '1', fetch, now: () => NOW });
  const run = async (lnurl: string, sender = SHOP): Promise<Json> => {
    const reply = await host.handle(sender, { amplet: 1, id: 1, method: 'lnurl', params: { lnurl } });
    return reply!.ok ? reply!.result : { error: reply!.error.name };
  };
  return { wallet, user, store, run, signed, modes };
}

test('a service is asked without redirects, and one that leads elsewhere all the same is not heard', async () => {
  const evil = 'https://evil.example/pay';
  const { run, user, wallet, modes, signed } = led((url) => ({
    url: url.startsWith('https://bank.example/redirect') ? evil : url,
    answer: url.includes('tag=login')
      ? { status: 'OK' }
      : terms(evil, { payerData: { auth: { mandatory: true, k1: K1 } } }),
  }));
  assert.deepEqual(await run(`https://bank.example/redirect?to=${evil}`), { error: 'InvalidDataError' });
  assert.deepEqual(await run(`${LOGIN.replace('/in', '/redirect')}&to=${evil}`), { error: 'InvalidDataError' });
  assert.deepEqual(user.kinds, ['lnurlAuth'], 'only the login, which is asked about before the service is');
  assert.deepEqual([wallet.paid.length, wallet.invoices.size], [0, 0]);
  await run(LOGIN);
  assert.deepEqual(new Set(modes), new Set(['error']));
  assert.deepEqual(new Set(signed), new Set(['bank.example']));
});

test('an answer of this machine that a redirect led to does not reach the page', async () => {
  for (const url of ['http://127.0.0.1:1/', 'http://192.168.1.1/apply', 'https://printer.local/']) {
    const { run, user } = led(() => ({ url, answer: { status: 'ERROR', reason: 'secret of the local program' } }));
    assert.deepEqual(await run('https://evil.example/x'), { error: 'InvalidDataError' }, url);
    assert.deepEqual(user.asked, []);
  }
});

test('who pays is proved to the domain that asks only', async () => {
  const payerData = { auth: { mandatory: true, k1: K1 } };
  for (const [callback, status] of [
    ['https://tips.example/pay', 'OK'],
    ['https://evil.example/pay', undefined],
    ['https://evil.tips.example/pay', undefined],
    ['https://tips.example:8443/pay', undefined],
  ] as const) {
    const { run, answers, wallet, user, asked } = payService({ min: 5_000, max: 5_000, payerData });
    Object.assign(wallet, { lnurlAuth: async () => ({ key: 'key', sig: '30' }) });
    answers['https://tips.example/.well-known/lnurlp/zoe'] = () => terms(callback, { payerData });
    user.answer = () => ({ allowed: true, amountMsat: 5_000n });
    const result = (await run('zoe@tips.example')) as { status?: string };
    assert.equal(result.status, status, callback);
    if (status) continue;
    assert.deepEqual([asked.length, user.asked, wallet.paid], [1, [], []], callback);
  }
  // Where it may be left out it is.
  const silent = payService({ min: 5_000, max: 5_000 });
  silent.answers['https://tips.example/.well-known/lnurlp/zoe'] = () =>
    terms('https://evil.example/pay', { maxSendable: 5_000, payerData: { auth: { mandatory: false, k1: K1 } } });
  silent.answers['https://evil.example/pay'] = silent.answers['https://tips.example/pay']!;
  silent.wallet.budgets.set('https://shop.example https://shop.example', 100_000n);
  assert.equal(((await silent.run('zoe@tips.example')) as { status: string }).status, 'OK');
  assert.equal(silent.asked[1]!.searchParams.get('payerdata'), null);
});

const LOCAL = [
  'localhost',
  'localhost.',
  'foo.localhost',
  '127.0.0.1',
  '127.1',
  '2130706433',
  '0x7f.1',
  '0.0.0.0',
  '10.0.0.1',
  '100.64.0.1',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '192.0.2.1',
  '198.18.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '[::]',
  '[::1]',
  '[fd00::1]',
  '[fc00::]',
  '[fe80::1]',
  '[fec0::1]',
  '[ff02::1]',
  '[::ffff:192.168.1.1]',
  '[::ffff:127.0.0.1]',
  '[::7f00:1]',
  '[64:ff9b::a00:1]',
  '[2002:a00:1::1]',
  '[2001:db8::1]',
  '[2001::1]',
  '[3fff::1]',
  'router',
  'router.',
  'printer.local',
  'PRINTER.LOCAL.',
  'nas.lan',
  'nas.home.arpa',
  'db.internal',
];

test('names and addresses of this machine and its network are not public', () => {
  const hostname = (host: string): string => new URL(`https://${host}/`).hostname;
  for (const host of LOCAL) assert.equal(isPublicHost(hostname(host)), false, host);
  for (const host of [
    'shop.example',
    'local.example',
    '8.8.8.8',
    '172.32.0.1',
    '100.128.0.1',
    '192.0.66.1',
    '[2606:4700::1111]',
    '[2a00::1]',
    '[::ffff:8.8.8.8]',
    '[64:ff9b::808:808]',
    '[2002:808:808::1]',
    `${'a'.repeat(56)}.onion`,
    'b\u00fccher.example',
  ])
    assert.equal(isPublicHost(hostname(host)), true, host);
});

test('a page does not make the wallet ask this machine or its network, by link or by callback', async () => {
  for (const host of LOCAL) {
    for (const lnurl of [`https://${host}/x`, `https://${host}/in?tag=login&k1=${K1}`]) {
      const { run, asked, user } = harness({});
      assert.deepEqual(await run(lnurl), { error: 'InvalidDataError' }, lnurl);
      assert.deepEqual([asked, user.asked], [[], []]);
    }
    const { run, asked } = harness({ 'https://evil.example/x': () => terms(`https://${host}/pay`) });
    assert.deepEqual(await run('https://evil.example/x'), { error: 'InvalidDataError' }, host);
    assert.equal(asked.length, 1, host);
  }
});

test('a page in the network reaches its own machine, and none beside it', async () => {
  const nas = { ...SHOP, origin: 'https://nas.local', topLevelOrigin: 'https://nas.local' };
  for (const [lnurl, reached] of [
    ['https://nas.local:8443/x', true],
    ['https://router.local/x', false],
    ['http://127.0.0.1:1/x', false],
  ] as const) {
    const seen: string[] = [];
    const { run, store } = led((url) => (seen.push(url), { url, answer: { status: 'ERROR', reason: 'no' } }));
    store.all.set('grant/https://nas.local https://nas.local', '{"version":1,"balance":false}');
    await run(lnurl, nas);
    assert.equal(seen.length, reached ? 1 : 0, lnurl);
  }
});

test('a login of another host than the page warns, also above and below its domain', async () => {
  for (const [page, foreign] of [
    ['https://bank.example', false],
    ['https://example', true],
    ['https://evil.bank.example', true],
    ['https://shop.example', true],
  ] as const) {
    const { run, user, store } = led((url) => ({ url, answer: { status: 'OK' } }));
    store.all.set(`grant/${page} ${page}`, '{"version":1,"balance":false}');
    await run(LOGIN, { ...SHOP, origin: page, topLevelOrigin: page });
    const [question] = user.asked;
    assert.equal(question?.kind === 'lnurlAuth' && question.foreign, foreign, page);
  }
});

const THANKS = { successAction: { tag: 'message', message: 'Thank you!' } };
const promised = (store: FakeWallet['store']) =>
  [...store.all.keys()].filter((key) => key.startsWith('promised/')).length;

test('what was bought is kept until the user has seen it', async () => {
  const ways: [string, (answer: () => Promise<Decision> | Decision) => Promise<Decision> | Decision, number][] = [
    ['no window came', () => Promise.reject(new Error('no window')), 1],
    ['the window was closed', () => ({ allowed: false }), 1],
    ['it was read', (answer) => answer(), 0],
  ];
  for (const [how, shows, left] of ways) {
    const { wallet, user, run, store, restart } = payService({ min: 5_000, max: 5_000, more: () => THANKS });
    wallet.budgets.set('https://shop.example https://shop.example', 100_000n);
    user.answer = (question) =>
      question.kind === 'lnurlSuccess' ? shows(() => ({ allowed: true })) : { allowed: true };
    assert.equal(((await run('zoe@tips.example')) as { status: string }).status, 'OK');
    while (user.asked.length === 0) await turn();
    for (let wait = 0; wait < 10; wait++) await turn();
    assert.equal(promised(store), left, how);
    user.answer = () => ({ allowed: true });
    await restart().resume();
    assert.deepEqual([promised(store), user.kinds.length], [0, left + 1], how);
  }
});

test('a site that is not heard does not keep from the user what it bought', async () => {
  const { wallet, user, run, store } = payService({ min: 5_000, max: 5_000, more: () => THANKS });
  wallet.budgets.set('https://shop.example https://shop.example', 100_000n);
  user.answer = (question) => ({ allowed: question.kind === 'lnurlSuccess' });
  for (let time = 0; time < 5; time++) await run(LOGIN.replace('bank', 'shop')).catch(() => {});
  Object.assign(wallet, { lnurlAuth: async () => ({ key: 'key', sig: '30' }) });
  for (let time = 0; time < 5; time++) await run(LOGIN.replace('bank', 'shop'));
  await run('zoe@tips.example');
  while (promised(store) > 0) await turn();
  assert.equal(user.kinds.filter((kind) => kind === 'lnurlSuccess').length, 1);
});

test('a record of what was bought that this release cannot read is left for the one that can', async () => {
  const { wallet, store, restart } = payService();
  wallet.outcomes.set('ab'.repeat(32), { state: 'succeeded', preimage: 'cd'.repeat(32) });
  store.all.set(`promised/${'ab'.repeat(32)}`, '{"version":7}');
  await restart().resume();
  assert.equal(promised(store), 1);
});
