/** A wallet with too little: the user sees it, whatever the site asked by, and then the site is told. */

import assert from 'node:assert/strict';
import { test } from 'vitest';
import { openStream, siteWallet, type Json } from '../../src/provider.ts';
import { payService } from './lnurl-fakes.ts';
import { SHOP } from './site-fakes.ts';
import { budget, harness } from './site-harness.ts';
import { harness as streaming, terms } from './site-streams-fakes.ts';

const destination = `02${'cc'.repeat(32)}`;
const FILM = {
  method: 'stream.start',
  params: { nodeId: destination, sessionId: 'film', ratePerSecondMsat: '1000', perUnitMsat: '0', creditMsat: '5000' },
};
type Harness = ReturnType<typeof harness>;

const WAYS: [string, (harness: Harness) => Promise<[string, Json]>, { amountMsat: bigint; maxFeeMsat: bigint }][] = [
  [
    'an invoice',
    async ({ wallet }) => ['sendPayment', { paymentRequest: wallet.issue(21_000n) }],
    fee(21_000n, 1_000n),
  ],
  [
    'an invoice, not waited for',
    async ({ wallet }) => ['sendPaymentAsync', { paymentRequest: wallet.issue(21_000n) }],
    fee(21_000n, 1_000n),
  ],
  [
    'an invoice whose amount the user chooses',
    async ({ wallet }) => ['sendPayment', { paymentRequest: wallet.issue(null) }],
    fee(30_000n, 1_000n),
  ],
  ['keysend', async () => ['keysend', { destination, amount: 21 }], fee(21_000n, 2_000n)],
  ['a stream', async () => ['request', FILM], fee(5_000n, 0n)],
];

function fee(amountMsat: bigint, maxFeeMsat: bigint) {
  return { amountMsat, maxFeeMsat };
}

for (const [name, ask, price] of WAYS) {
  for (const given of [true, false]) {
    test(`${name}, ${given ? 'within a budget' : 'without a budget'}: the user sees what is missing, then the site is told`, async () => {
      const parts = harness();
      const { wallet, user, call } = parts;
      Object.assign(wallet, { streams: { start: () => assert.fail('there is nothing to pay it from') } });
      wallet.hasMsat = 4_000n;
      if (given) budget(wallet, 1_000_000n);
      let told = false;
      user.answer = async ({ kind }) => {
        assert.equal(told, false, 'not before the user has seen it');
        return kind === 'notEnough' ? { allowed: false } : { allowed: true, amountMsat: 30_000n };
      };
      const reply = await call(...(await ask(parts)));
      told = true;
      assert.ok(!reply.ok);
      assert.deepEqual([reply.error.name, reply.error.code], ['RoutingError', 'insufficientBalance']);
      assert.match(reply.error.message, /^Insufficient balance/);
      const shown = user.asked.filter(({ kind }) => kind === 'notEnough');
      const site = { origin: SHOP.origin, topLevel: SHOP.topLevelOrigin };
      assert.deepEqual(shown, [{ kind: 'notEnough', site, ...price }]);
      assert.equal(wallet.paid.length + wallet.sent.length, 0);
    });
  }
}

test('a payment whose fee was too much for what there is says so, too', async () => {
  const { wallet, user, call } = harness();
  budget(wallet, 1_000_000n);
  wallet.ends = [() => ({ state: 'failed', reason: 'largest 3 sat', code: 'insufficientBalance' })];
  const reply = await call('sendPayment', { paymentRequest: wallet.issue() });
  assert.ok(!reply.ok);
  assert.equal(reply.error.code, 'insufficientBalance');
  assert.deepEqual(user.kinds, ['notEnough']);
});

test('an LNURL that takes no less than there is: no amount is asked for', async () => {
  const { wallet, user, run } = payService({ min: 5_000, max: 9_000 });
  wallet.hasMsat = 4_999n;
  assert.deepEqual(await run('zoe@tips.example'), { error: 'RoutingError' });
  assert.deepEqual(user.kinds, ['notEnough']);
});

test('whoever has it shown again and again is not heard, and learns nothing more', async () => {
  const { wallet, user, call } = harness();
  wallet.hasMsat = 0n;
  user.answer = () => ({ allowed: false });
  const codes: unknown[] = [];
  for (let count = 0; count < 6; count++) {
    const reply = await call('sendPayment', { paymentRequest: wallet.issue() });
    assert.ok(!reply.ok);
    codes.push(reply.error.code ?? reply.error.name);
  }
  assert.deepEqual(codes, [...Array(3).fill('insufficientBalance'), ...Array(3).fill('RejectionError')]);
  assert.equal(user.asked.length, 3);
});

test('a page that is gone by then has nothing shown', async () => {
  const { wallet, user, call } = harness();
  wallet.hasMsat = 0n;
  const gone = AbortSignal.abort();
  const reply = await call('sendPayment', { paymentRequest: wallet.issue() }, SHOP, gone);
  assert.ok(!reply.ok);
  assert.equal(reply.error.name, 'RejectionError');
  assert.deepEqual(user.kinds, []);
});

test('money that only waits for its gateway is there', async () => {
  const lacks = async (spendableMsat: bigint, lightningMsat: bigint): Promise<boolean> => {
    const balance = async () => ({ spendableMsat, lightningMsat });
    return siteWallet(() => ({ balance }) as never).lacks(10_000n);
  };
  assert.equal(await lacks(10_000n, 11_000n), false);
  assert.equal(await lacks(9_999n, 11_000n), true);
  assert.equal(await lacks(0n, 11_000n), false, 'its gateway is away');
  assert.equal(await lacks(0n, 9_000n), true);
});

test('a stream whose wallet runs out says that, and that payments fail where they do', async () => {
  const { started, frame, pass } = streaming();
  const { webln } = frame();
  await webln.enable();
  const stream = await openStream(webln, terms);
  started[0]!.stream.set({ paused: 'failing', error: { code: 'insufficientBalance' } });
  await pass(0);
  assert.deepEqual([stream.meter.state, stream.meter.reason], ['paused', 'balance']);
  started[0]!.stream.set({ paused: 'failing', error: { code: 'noRoute' } });
  await pass(0);
  assert.equal(stream.meter.reason, 'failing');
  started[0]!.stream.set({ paused: null, error: null });
  await pass(0);
  assert.equal(stream.meter.reason, null);
});
