import assert from 'node:assert/strict';
import { test } from 'vitest';
import { WalletError } from '../../src/base/error.ts';
import { Meter } from '../../src/wallet/stream/meter.ts';
import { checkStream, type StreamOptions, type StreamState } from '../../src/wallet/stream/options.ts';
import { Stream } from '../../src/wallet/stream/stream.ts';
import { FakeEnvironment, FakeWallet, begin } from './stream-fakes.ts';

const NOTHING = { paidMsat: 0n, pendingMsat: 0n };

test('a meter is exact, whatever the steps', () => {
  const tariff = { ratePerSecondMsat: 333n, creditMsat: 1_000_000n };
  const meter = new Meter(tariff, NOTHING, 0);
  meter.run(0, true);
  for (let ms = 0; ms <= 60_000; ms += 7.3) meter.run(ms, true);
  meter.run(60_000, false);
  meter.run(90_000, false);
  assert.equal(meter.usedMsat, 19_980n);
  meter.run(80_000, true); // a clock that goes back counts nothing twice
  meter.run(90_000, true);
  assert.equal(meter.usedMsat, 19_980n);
});

test('a meter never uses more than the credit, however late it is read', () => {
  const meter = new Meter({ ratePerSecondMsat: 1_000n, creditMsat: 5_000n }, { paidMsat: 100n, pendingMsat: 0n }, 0);
  meter.run(0, true);
  meter.run(8 * 3_600_000, true);
  assert.equal(meter.unpaidMsat, 5_000n);
  assert.ok(meter.isExhausted && meter.dueInMs(0) === null);
  assert.equal(meter.due(0), 5_000n);
});

test('what is due is as much as the credit allows, less what the way takes and one unit', () => {
  const meter = new Meter({ ratePerSecondMsat: 1_000n, creditMsat: 10_000n }, NOTHING, 0);
  meter.run(0, true);
  assert.equal(meter.dueInMs(500), 9_500);
  meter.run(9_499, true);
  assert.equal(meter.due(500), 0n);
  meter.run(9_500, true);
  assert.equal(meter.due(500), 9_500n);
  meter.totals = { paidMsat: 0n, pendingMsat: 9_500n };
  assert.deepEqual([meter.due(500), meter.owedMsat, meter.unpaidMsat], [0n, 0n, 9_500n]);
});

test('ten minutes at a rate: few payments, the payee is never owed more than the credit, settled to the msat', async () => {
  const { environment, wallet, stream } = begin();
  for (let s = 0; s < 600; s += 1) {
    await environment.pass(1_000);
    const { paidMsat, pendingMsat, owedMsat, paused } = stream.state;
    assert.ok(pendingMsat + owedMsat <= 10_000n, `${s} s: ${pendingMsat} + ${owedMsat}`);
    assert.equal(paidMsat + pendingMsat + owedMsat, BigInt(s + 1) * 1_000n);
    assert.equal(paused, null);
  }
  assert.ok(wallet.sent.length <= 63, `${wallet.sent.length} payments for 600 sat at 10 sat of credit`);
  const stopping = stream.stop();
  await environment.pass(1_000);
  const { payment, unpaidMsat } = await stopping;
  assert.deepEqual([payment.amountMsat, unpaidMsat, payment.stream?.open], [600_000n, 0n, false]);
  assert.equal(stream.state.ended, true);
  assert.equal(environment.timers.length, 0, 'nothing is left behind');
});

test('a slow way: what is used waits for the payee, and says so', async () => {
  const { environment, wallet, stream } = begin({ creditMsat: 2_000n });
  wallet.tookMs = 5_000;
  const seen = new Set<string | null>();
  for (let s = 0; s < 60; s += 1) {
    await environment.pass(500);
    const { pendingMsat, owedMsat, paused } = stream.state;
    assert.ok(pendingMsat + owedMsat <= 2_000n);
    seen.add(paused);
  }
  assert.deepEqual([...seen].sort(), ['credit', null]);
});

test('hidden, called or without a network it stands still, pays what is owed, and goes on', async () => {
  const { environment, wallet, stream } = begin();
  await environment.pass(3_000);
  environment.hide(true);
  await environment.pass(60_000);
  assert.deepEqual(
    [stream.state.paused, stream.state.paidMsat, stream.state.ratePerSecondMsat],
    ['hidden', 3_000n, 0n],
  );
  environment.hide(false);
  await environment.pass(2_000);
  stream.pause();
  await environment.pass(5_000);
  assert.deepEqual([stream.state.paused, stream.state.paidMsat], ['caller', 5_000n]);
  stream.resume();
  environment.online(false);
  await environment.pass(5_000);
  assert.equal(stream.state.paused, 'offline');
  environment.online(true);
  wallet.able(false);
  await environment.pass(5_000);
  assert.equal(stream.state.paused, 'offline');
  wallet.able(true);
  await environment.pass(1_000);
  assert.deepEqual([stream.state.paused, stream.state.owedMsat], [null, 1_000n]);
  assert.equal(wallet.sent.length, 2);
});

test('payments that fail are not counted, are tried again ever more seldom, and it goes on when one arrives', async () => {
  const { environment, wallet, stream } = begin();
  wallet.fail = true;
  await environment.pass(120_000);
  assert.equal(stream.state.paused, 'failing');
  assert.ok(stream.state.owedMsat + stream.state.pendingMsat <= 10_000n && stream.state.paidMsat === 0n);
  const tried = wallet.sent.length;
  assert.ok(tried > 3 && tried < 15, `${tried} attempts`);
  assert.equal(stream.state.failed, BigInt(tried) - (stream.state.pendingMsat > 0n ? 1n : 0n));
  wallet.fail = false;
  await environment.pass(40_000);
  assert.deepEqual([stream.state.paused, stream.state.error], [null, null]);
  assert.ok(stream.state.paidMsat > 10_000n);
});

test('what the budget refuses stops it with the reason, and a budget that gives again soon is waited for', async () => {
  const { environment, wallet, stream } = begin();
  const budget = {
    budget: 1,
    reason: 'limit' as const,
    rule: 'rate' as const,
    limitMsat: 1n,
    leftMsat: 0n,
    neededMsat: 2n,
    until: 1_700_000_020n,
  };
  wallet.refuse = new WalletError('budgetRefused', 'no', [], [], { budget });
  await environment.pass(15_000);
  assert.deepEqual([stream.state.paused, stream.state.error?.code, wallet.sent.length], ['budget', 'budgetRefused', 0]);
  wallet.refuse = null;
  await environment.pass(10_000);
  assert.deepEqual([stream.state.paused, stream.state.error], [null, null]);
  wallet.refuse = new WalletError('approvalNeeded', 'ask', [], [], {
    budget: { ...budget, reason: 'ask', until: null },
  });
  await environment.pass(3_600_000);
  assert.equal(stream.state.paused, 'budget');
  const before = stream.state.paidMsat;
  wallet.refuse = null;
  await environment.pass(3_600_000);
  assert.deepEqual([stream.state.paused, stream.state.paidMsat], ['budget', before], 'only the user makes it go on');
  stream.resume();
  await environment.pass(20_000);
  assert.equal(stream.state.paused, null);
  const stopping = stream.stop();
  await environment.pass(1_000);
  assert.equal((await stopping).unpaidMsat, 0n);
});

test('units are given when the credit covers them, in as few payments as it allows', async () => {
  const { environment, wallet, stream } = begin({ unitMsat: 1_000n, creditMsat: 5_000n });
  for (let life = 0; life < 100; life += 1) {
    let given = false;
    void stream.add().then(() => (given = true));
    for (let ms = 0; ms < 1_000 && !given; ms += 10) await environment.pass(10);
    assert.ok(given, `life ${life}`);
    assert.ok(stream.state.pendingMsat + stream.state.owedMsat <= 5_000n);
  }
  assert.ok(wallet.sent.length <= 25, `${wallet.sent.length} payments for 100 lives`);
  await assert.rejects(stream.add(0n), { code: 'invalidInput' });
  const large = stream.add(20n);
  await environment.pass(200);
  await large;
  const stopping = stream.stop();
  await environment.pass(500);
  assert.equal((await stopping).payment.amountMsat, 120_000n);
  await assert.rejects(stream.add(), { code: 'closed' });
});

test('units that the budget does not pay for are neither given nor charged', async () => {
  const { environment, wallet, stream } = begin({ unitMsat: 10_000n, creditMsat: 10_000n });
  wallet.refuse = new WalletError('budgetRefused', 'no');
  const first = stream.add();
  await first; // on credit
  const second = stream.add();
  second.catch(() => {});
  await environment.pass(1_000);
  await assert.rejects(second, { code: 'budgetRefused' });
  assert.equal(stream.state.owedMsat, 10_000n);
  const stopping = stream.stop();
  await environment.pass(1_000);
  assert.equal((await stopping).unpaidMsat, 10_000n, 'said, not hidden');
});

test('stopped while units wait for their payment: what is paid is given, what is not paid is not charged', async () => {
  for (const tookMs of [50, 5_000]) {
    const { environment, wallet, stream } = begin({ unitMsat: 1_000n, creditMsat: 1_000n });
    wallet.tookMs = tookMs;
    let given = 0;
    let turnedAway = 0;
    for (let ms = 0; ms < 1_000; ms += 10) {
      stream.add().then(
        () => (given += 1),
        () => (turnedAway += 1),
      );
      await environment.pass(10);
    }
    // One more batch is being handed over, and units have come after it.
    for (let i = 0; i < 3; i += 1)
      stream.add().then(
        () => (given += 1),
        () => (turnedAway += 1),
      );
    const stopped = stream.stop();
    await environment.pass(40_000);
    const { unpaidMsat } = await stopped;
    assert.equal(unpaidMsat, 0n);
    assert.equal(given + turnedAway, 103);
    assert.equal(wallet.line.amountMsat, BigInt(given) * 1_000n, `${given} units given over ${tookMs} ms`);
  }
});

test('stopped while nothing can be paid, it says what is left', async () => {
  const { environment, wallet, stream } = begin();
  await environment.pass(4_000);
  wallet.able(false);
  const [one, two] = [stream.stop(), stream.stop()];
  await environment.pass(100);
  assert.deepEqual([(await one).unpaidMsat, (await two).unpaidMsat], [4_000n, 4_000n]);
  await assert.rejects(stream.stop(), { code: 'closed' });
});

test('it ends with its wallet, and when it was ended elsewhere', async () => {
  const crashed = begin();
  const states: StreamState[] = [];
  crashed.stream.onChange((state) => states.push(state));
  await crashed.environment.pass(3_000);
  const stopping = crashed.stream.stop();
  crashed.wallet.crash(new WalletError('walletCrashed', 'trap'));
  await assert.rejects(stopping, { code: 'walletCrashed' });
  assert.equal(states.at(-1)?.ended, true);
  const elsewhere = begin();
  await elsewhere.environment.pass(20_000);
  void elsewhere.wallet.close();
  await elsewhere.environment.pass(20_000);
  assert.deepEqual([elsewhere.stream.state.ended, elsewhere.stream.state.error?.code], [true, 'closed']);
});

test('a session that goes on owes nothing for before, and counts on from there', async () => {
  const environment = new FakeEnvironment();
  const wallet = new FakeWallet(environment);
  wallet.line = {
    ...wallet.line,
    amountMsat: 77_000n,
    stream: { session: 's', payments: 9n, failed: 1n, pendingMsat: 0n, open: true },
  };
  const stream = new Stream(
    { to: { nodeId: '02', session: 's' }, ratePerSecondMsat: 1_000n, creditMsat: 10_000n },
    wallet.line,
    wallet,
    environment,
  );
  assert.deepEqual([stream.state.owedMsat, stream.state.paidMsat], [0n, 77_000n]);
  await environment.pass(5_000);
  const stopping = stream.stop();
  await environment.pass(500);
  assert.equal((await stopping).payment.amountMsat, 82_000n);
});

test('options are checked before anything is opened', () => {
  const good: StreamOptions = { to: { nodeId: '02', session: 's' }, ratePerSecondMsat: 1n, creditMsat: 1n };
  checkStream(good);
  const holder = { kind: 'app', id: 'x' } as const;
  for (const bad of [
    { ...good, creditMsat: 0n },
    { ...good, ratePerSecondMsat: 0n },
    { ...good, ratePerSecondMsat: 5 as unknown as bigint },
    { ...good, to: { nodeId: 7 as unknown as string, session: 's' } },
    { ...good, authorization: { holder, approvedMsat: 1n } },
  ]) {
    assert.throws(() => checkStream(bad), { code: 'invalidInput' });
  }
});

test('what an earlier run saw used and did not pay is paid once, and never beyond the credit', async () => {
  const run = async (usedMsat: bigint) => {
    const environment = new FakeEnvironment();
    const wallet = new FakeWallet(environment);
    wallet.line = {
      ...wallet.line,
      amountMsat: 77_000n,
      stream: { session: 's', payments: 9n, failed: 0n, pendingMsat: 2_000n, open: true },
    };
    const stream = new Stream(
      { to: { nodeId: '02', session: 's' }, ratePerSecondMsat: 1_000n, creditMsat: 10_000n, usedMsat },
      wallet.line,
      wallet,
      environment,
    );
    stream.pause();
    await environment.pass(1_000);
    return wallet.sent;
  };
  assert.deepEqual(await run(80_250n), [1_250n], 'what is on its way counts');
  assert.deepEqual(await run(79_000n), []);
  assert.deepEqual(await run(50_000n), [], 'what the line says is more');
  assert.deepEqual(await run(1_000_000n), [8_000n]);
});
