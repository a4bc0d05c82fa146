import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { test } from 'vitest';
import { type Wallet, WalletError } from '../../src/index.ts';
import { PaidFetchError, SiteHost, type WalletLike, payingFetch, siteWallet, walletPayer } from '../../src/provider.ts';
import type { StreamStarter } from '../../src/sites/streams/types.ts';
import type { Holder, Inspected, Payment, Budget, Rules, SiteRecord, Status } from '../../src/base/protocol.ts';
import { FakeStore, NOW, User, SHOP, sha256 } from './site-fakes.ts';

const PREIMAGE = '01'.repeat(32);
const HASH = sha256(PREIMAGE);
const NONE: Rules = {
  perPaymentMsat: null,
  windows: [],
  rate: null,
  totalMsat: null,
  expiresAt: null,
  askAboveMsat: null,
  purposes: [],
};
const SITE: Holder = { kind: 'site', origin: 'https://shop.example', topLevel: 'https://shop.example' };

const budget = (id: number, holder: Holder, left: bigint[], more: Partial<Budget> = {}): Budget => ({
  id,
  holder,
  parent: 0,
  rules: NONE,
  closed: false,
  usage: left.map((leftMsat) => ({
    rule: 'total',
    limitMsat: 9_000n,
    spentMsat: 0n,
    reservedMsat: 0n,
    leftMsat,
    until: null,
  })),
  leftMsat: null,
  ...more,
});

const payment = (more: object): Payment => ({
  id: HASH,
  direction: 'outbound',
  kind: 'bolt11',
  amountMsat: 1_000n,
  feeMsat: 0n,
  description: '',
  invoice: 'lnbcrt1a',
  payee: null,
  preimage: PREIMAGE,
  txid: null,
  confirmations: 0,
  hops: 1,
  createdAt: 1n,
  settledAt: 2n,
  expiresAt: null,
  durationMs: 5n,
  parts: [],
  ...({ state: 'succeeded', ...more } as { state: 'succeeded' }),
});

/** As much of a wallet as is used; what is paid is kept. */
function fake() {
  const paid: ({ invoice: string } & NonNullable<Parameters<WalletLike['pay']>[1]>)[] = [];
  const state = {
    budgets: [budget(0, { kind: 'user' }, [])],
    payments: new Map<string, Payment>(),
    amountMsat: 1_000n as bigint | null,
  };
  const records = new Map<string, string>();
  const change = (changes: readonly SiteRecord[] = []) => {
    for (const { key, value } of changes)
      if (value === null) records.delete(key);
      else records.set(key, value);
  };
  const wallet: WalletLike = {
    siteRecord: async (key) => records.get(key) ?? null,
    siteRecordKeys: async (prefix) => [...records.keys()].filter((key) => key.startsWith(prefix)).sort(),
    setSiteRecords: async (changes) => change(changes),
    balance: async () => ({ spendableMsat: 77_000n }) as Awaited<ReturnType<Wallet['balance']>>,
    status: async () => ({ nodeId: `02${'ab'.repeat(32)}`, network: 'regtest' }) as Status,
    inspect: async (text) => {
      if (text.startsWith('bcrt1')) return { type: 'onchain', address: text } as Inspected;
      return {
        type: 'bolt11',
        amp: false,
        network: 'regtest',
        invoice: text,
        payee: `03${'11'.repeat(32)}`,
        amountMsat: state.amountMsat,
        description: 'd',
        paymentHash: HASH,
        expiresAt: BigInt(NOW / 1000 + 60),
        expectedFeeMsat: 100n,
        maxFeeMsat: 500n,
        problem: null,
        askedMsat: null,
        others: [],
      };
    },
    quoteFee: async () => ({ expectedFeeMsat: 0n, maxFeeMsat: 0n }),
    keysend: async () => payment({ kind: 'keysend', state: 'pending' }),
    onPayment: () => () => {},
    pay: async (invoice, options = {}) => {
      const { records: beside, ...authorization } = options.authorization ?? { holder: { kind: 'user' } };
      paid.push({ invoice, ...options, ...(options.authorization && { authorization }) });
      if (
        options.authorization?.holder.kind === 'site' &&
        options.authorization.approvedMsat === undefined &&
        state.budgets.length < 2
      ) {
        throw new WalletError('approvalNeeded', 'there is no budget');
      }
      change(beside);
      return payment({});
    },
    payment: async (id) => {
      const found = state.payments.get(id);
      if (!found) throw new WalletError('invalidInput', 'there is none');
      return found;
    },
    budgetOf: async (holder) => state.budgets.find((budget) => isDeepStrictEqual(budget.holder, holder)) ?? null,
    receive: async () => ({ invoice: 'lnbcrt1mine', paymentHash: HASH, expiresAt: 1n, missing: null }),
    signMessage: async (message) => ({ message, signature: 's' }),
    logIn: async ({ domain, challenge }) => ({ key: `key of ${domain}`, signature: challenge }),
    verifyMessage: async () => ({ valid: false, nodeId: null }),
  };
  return { wallet, paid, state, records };
}

test('the wallet of this package is one that sites can use', () => {
  const check = (wallet: Wallet): WalletLike & StreamStarter => wallet;
  assert.equal(typeof check, 'function');
});

test('through the host: a payment without a budget is asked about and bound to its amount and fee', async () => {
  const { wallet, paid } = fake();
  const user = new User();
  const host = new SiteHost({ wallet: siteWallet(() => wallet), ask: user.ask, version: '1' });
  await host.handle(SHOP, { amplet: 1, id: 1, method: 'enable', params: {} });
  const reply = await host.handle(SHOP, {
    amplet: 1,
    id: 2,
    method: 'sendPayment',
    params: { paymentRequest: 'lnbcrt1a' },
  });
  assert.deepEqual(reply, { amplet: 1, id: 2, ok: true, result: { preimage: PREIMAGE, paymentHash: HASH } });
  assert.deepEqual(paid, [
    { invoice: 'lnbcrt1a', maxFeeMsat: 500n, authorization: { holder: SITE } },
    { invoice: 'lnbcrt1a', maxFeeMsat: 500n, authorization: { holder: SITE, approvedMsat: 1_500n } },
  ]);
  const keysend = { destination: `02${'11'.repeat(32)}`, amount: 1 };
  const underway = await host.handle(SHOP, { amplet: 1, id: 3, method: 'keysend', params: keysend });
  assert.ok(underway && !underway.ok && underway.error.name === 'ConnectionError');
});

test('a locked wallet is a ConnectionError, and open again it is used again', async () => {
  const { wallet, records } = fake();
  let open: WalletLike | null = null;
  const adapter = siteWallet(() => {
    if (open === null) throw new WalletError('closed', 'locked');
    return open;
  });
  records.set('grant/https://shop.example https://shop.example', '{"version":1,"balance":false}');
  const host = new SiteHost({ wallet: adapter, ask: new User().ask, version: '1' });
  const info = () => host.handle(SHOP, { amplet: 1, id: 1, method: 'getInfo', params: {} });
  const locked = await info();
  assert.ok(locked && !locked.ok && locked.error.name === 'ConnectionError');
  open = wallet;
  const elsewhere = { ...SHOP, origin: 'https://other.example', topLevelOrigin: 'https://other.example' };
  const enabled = await host.handle(elsewhere, { amplet: 1, id: 1, method: 'isEnabled', params: {} });
  assert.deepEqual(enabled, { amplet: 1, id: 1, ok: true, result: false });
  assert.ok((await info())?.ok);
});

test('what is kept of a payment goes to the wallet with it, and not when it is not begun', async () => {
  const { wallet, state, records } = fake();
  const { store, pay } = siteWallet(() => wallet);
  await store.set('sent/old', { at: 1 });
  const details = await siteWallet(() => wallet).inspect('lnbcrt1a');
  const changes = [
    { key: 'sent/old', value: undefined },
    { key: 'credential/https://shop.example', value: { token: 't', none: null } },
  ];
  const authorization = { holder: SITE, records: changes };
  await assert.rejects(pay(details, { maxFeeMsat: 1n, authorization }), { code: 'approvalNeeded' });
  assert.deepEqual(await store.keys(''), ['sent/old']);
  state.budgets.push(budget(1, SITE, [9_000n]));
  await pay(details, { maxFeeMsat: 1n, authorization });
  assert.deepEqual(await store.keys(''), ['credential/https://shop.example']);
  assert.deepEqual(await store.get('credential/https://shop.example'), { token: 't', none: null });
  assert.equal(await store.get('sent/old'), undefined);
  await store.delete('credential/https://shop.example');
  assert.equal(records.size, 0);
});

test('what the budget of a site leaves is what the engine says, whatever its limits are', async () => {
  const { wallet, state } = fake();
  const adapter = siteWallet(() => wallet);
  const left = (...budgets: Budget[]) => {
    state.budgets = budgets;
    return adapter.budgetLeftMsat({ origin: 'https://shop.example', topLevel: 'https://shop.example' });
  };
  const user = budget(0, { kind: 'user' }, [], { parent: null });
  assert.equal(await left(user), null);
  assert.equal(
    await left(user, budget(1, { ...SITE, topLevel: 'https://other.example' }, [5n], { leftMsat: 5n })),
    null,
  );
  assert.equal(await left(user, budget(1, SITE, [50n, 30n], { leftMsat: 7n })), 7n);
  assert.equal(await left(user, budget(1, SITE, [50n], { leftMsat: 0n })), 0n);
  assert.equal(await left(user, budget(1, SITE, [50n], { leftMsat: null })), null);
});

test('lookups tell what went from what came, and never call anything paid without a proof', async () => {
  const { wallet, state } = fake();
  const adapter = siteWallet(() => wallet);
  assert.equal((await adapter.lookup(HASH)).state, 'failed');
  const cases: [object, string][] = [
    [{}, 'succeeded'],
    [{ preimage: null }, 'pending'],
    [{ state: 'pending' }, 'pending'],
    [{ state: 'failed', error: { code: 'noRoute', message: 'm', causes: [] } }, 'failed'],
    [{ direction: 'inbound' }, 'failed'],
  ];
  for (const [more, outcome] of cases) {
    state.payments.set(HASH, payment(more));
    assert.equal((await adapter.lookup(HASH)).state, outcome, JSON.stringify(more));
  }
  assert.deepEqual(await adapter.invoice(HASH), { invoice: 'lnbcrt1a', preimage: PREIMAGE, paid: true });
  state.payments.set(HASH, payment({}));
  assert.equal(await adapter.invoice(HASH), null);
  await assert.rejects(adapter.inspect('bcrt1q'), { name: 'InvalidDataError' });
});

test('payingFetch pays from the budget of the site, the fee within the price allowed, and keeps the credential', async () => {
  const { wallet, paid, state } = fake();
  state.budgets.push(budget(1, SITE, [9_000n]));
  const store = new FakeStore();
  const fetch: typeof globalThis.fetch = async (input) => {
    const { headers } = new Request(input);
    if (headers.get('authorization') === `L402 t:${PREIMAGE}`) return new Response('the article');
    return new Response('', { status: 402, headers: { 'www-authenticate': 'L402 token="t", invoice="lnbcrt1a"' } });
  };
  const paying = (maxCostMsat: bigint) =>
    payingFetch({ payer: walletPayer(wallet), store, maxCostMsat, fetch, now: () => NOW });
  await assert.rejects(
    paying(999n)('https://shop.example/'),
    (error) => error instanceof PaidFetchError && error.code === 'tooExpensive',
  );
  assert.equal(await (await paying(1_200n)('https://shop.example/')).text(), 'the article');
  assert.equal(await (await paying(1_200n)('https://shop.example/2')).text(), 'the article');
  assert.deepEqual(paid, [
    { invoice: 'lnbcrt1a', maxFeeMsat: 200n, authorization: { holder: SITE, purpose: 'fetch' } },
  ]);
  assert.equal(JSON.parse(store.all.get('credential/https://shop.example')!).preimage, PREIMAGE);
});
