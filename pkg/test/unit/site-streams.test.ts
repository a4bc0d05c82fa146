import assert from 'node:assert/strict';
import { test } from 'vitest';
import { type StreamMeter, openStream } from '../../src/provider.ts';
import { FakeStore, turn } from './site-fakes.ts';
import { NODE, OTHER, FakeEngine, harness, terms } from './site-streams-fakes.ts';

test('a site streams within its budget: units, meter, pause, end', async () => {
  const { started, frame } = harness();
  const { webln } = frame();
  const stream = await openStream(webln, terms);
  const seen: StreamMeter[] = [];
  stream.onChange((meter) => seen.push(meter));
  assert.deepEqual(started[0]!.options, {
    to: { nodeId: NODE, session: 'film' },
    ratePerSecondMsat: 1_000n,
    unitMsat: 500n,
    creditMsat: 30_000n,
    authorization: {
      holder: { kind: 'site', origin: 'https://shop.example', topLevel: 'https://shop.example' },
      purpose: 'stream',
    },
    pauseWhenHidden: false,
  });
  await stream.add(3);
  assert.equal(started[0]!.stream.units, 3n);
  assert.deepEqual(stream.meter, { state: 'running', reason: null, paidMsat: 0n, owedMsat: 1_500n });
  started[0]!.stream.set({ paidMsat: 1_500n, owedMsat: 0n });
  await turn();
  assert.equal(stream.meter.paidMsat, 1_500n);
  await stream.pause();
  assert.deepEqual([stream.meter.state, stream.meter.reason], ['paused', 'site']);
  await stream.resume();
  await stream.add();
  await stream.stop();
  assert.deepEqual(stream.meter, { state: 'stopped', reason: null, paidMsat: 2_000n, owedMsat: 0n });
  assert.deepEqual(seen.at(-1), stream.meter);
  await assert.rejects(stream.add(), { name: 'InvalidDataError' });
});

test('units without a price are refused', async () => {
  const { started, frame } = harness();
  const stream = await openStream(frame().webln, {
    nodeId: NODE,
    sessionId: 'film',
    ratePerSecondMsat: 1_000n,
    creditMsat: 30_000n,
    pauseWhenHidden: false,
  });
  await assert.rejects(stream.add(), { name: 'InvalidDataError' });
  assert.equal(started[0]!.stream.units, 0n);
});

test('without a budget the user is asked for one, and without it nothing runs', async () => {
  const { started, user, give, frame } = harness({ budget: false });
  const { webln } = frame();
  user.answer = () => ({ allowed: true });
  await assert.rejects(openStream(webln, terms), { name: 'RejectionError' });
  user.answer = () => (give(), { allowed: true });
  await openStream(webln, terms);
  assert.deepEqual([user.kinds, started.length], [['stream', 'stream'], 1]);
  const [question] = user.asked;
  assert.equal(question?.kind === 'stream' && question.pausesHidden, false, 'it goes on unseen, and the user is told');
});

test("a session has one stream, however often it is opened, and it is nobody else's", async () => {
  const { started, streams, frame } = harness();
  const { webln } = frame();
  const [one, other] = await Promise.all([openStream(webln, terms), openStream(webln, terms)]);
  assert.equal(started.length, 1);
  assert.deepEqual(one.meter, other.meter);
  const evil = frame(OTHER).webln;
  for (const method of ['stream.stop', 'stream.add', 'stream.state', 'stream.pause', 'stream.resume']) {
    await assert.rejects(evil.request(method, { streamId: 's0', units: 1 }), { name: 'InvalidDataError' });
  }
  assert.deepEqual(
    streams.list().map(({ site, report }) => [site.origin, report.state]),
    [['https://shop.example', 'running']],
  );
});

test('what the user pauses the site does not resume, and one tap ends it', async () => {
  const { streams, frame } = harness();
  const stream = await openStream(frame().webln, terms);
  await streams.byUser('s0', 'pause');
  await stream.resume();
  assert.deepEqual([stream.meter.state, stream.meter.reason], ['paused', 'user']);
  await streams.byUser('s0', 'resume');
  await stream.refresh();
  assert.equal(stream.meter.state, 'running');
  await streams.byUser('s0', 'stop');
  await turn();
  assert.equal(stream.meter.state, 'stopped');
  assert.deepEqual(streams.list(), []);
  await streams.byUser('s0', 'stop');
});

test('a site whose stream the user stopped asks before it begins another', async () => {
  const { streams, user, frame, pass } = harness();
  const { webln } = frame();
  await openStream(webln, terms);
  const seen: number[] = [];
  streams.watch((_, { state }) => state === 'stopped' && seen.push(streams.list().length));
  await streams.byUser('s0', 'stop');
  assert.deepEqual(seen, [0], 'told when it is no more in the list');
  user.answer = () => ({ allowed: false });
  await assert.rejects(openStream(webln, { ...terms, sessionId: 'other' }), { name: 'RejectionError' });
  user.answer = () => ({ allowed: true });
  await openStream(webln, terms);
  assert.deepEqual(user.kinds, ['stream', 'stream']);
  // Nor is what the user paused gone on with by stopping it.
  await streams.byUser('s1', 'pause');
  await webln.request('stream.stop', { streamId: 's1' });
  await openStream(webln, terms);
  assert.equal(user.asked.length, 3);
  await streams.byUser('s2', 'stop');
  await pass(30_000);
  await openStream(webln, terms);
  assert.equal(user.asked.length, 3);
});

test('an empty budget is a question, too', async () => {
  const { user, give, frame } = harness();
  give(0n);
  user.answer = () => (give(), { allowed: true });
  await openStream(frame().webln, terms);
  assert.deepEqual(
    user.asked.map((asked) => 'refusal' in asked && asked.refusal?.code),
    ['budgetRefused'],
  );
});

test('what one site pays is no session of another', async () => {
  const { give, started, frame, user } = harness();
  give();
  user.answer = () => ({ allowed: false });
  await openStream(frame().webln, terms);
  // Who may not stream is answered as if there were none.
  for (const sessionId of [terms.sessionId, 'another'])
    await assert.rejects(openStream(frame(OTHER).webln, { ...terms, sessionId }), { name: 'RejectionError' });
  assert.deepEqual(user.kinds, ['stream', 'stream']);
  give(1_000_000n, OTHER);
  await assert.rejects(openStream(frame(OTHER).webln, terms), { name: 'InvalidDataError' });
  assert.equal(started.length, 1);
});

test('a session on other terms is another stream', async () => {
  const { started, frame } = harness();
  const { webln } = frame();
  const first = await openStream(webln, terms);
  await openStream(webln, { ...terms, ratePerSecondMsat: 2_000n });
  assert.deepEqual([started.length, started[0]!.stream.state.ended, first.meter.state], [2, true, 'stopped']);
});

test('nobody sees its page: the wallet pauses it, unless the site said that it goes on', async () => {
  const { host, frame } = harness();
  const [one, two, radio] = [frame(), frame(), frame()];
  const raw = { nodeId: NODE, sessionId: 'film', ratePerSecondMsat: '1000', creditMsat: '30000' };
  await one.webln.request('stream.start', raw);
  const state = async () =>
    (await one.webln.request('stream.state', { streamId: 's0' })) as { state: string; reason: string };
  host.seen(one.gone.signal, false);
  assert.deepEqual([(await state()).state, (await state()).reason], ['paused', 'hidden']);
  await one.webln.request('stream.resume', { streamId: 's0' });
  assert.equal((await state()).state, 'paused', 'the site does not resume it');
  await two.webln.request('stream.start', raw);
  assert.equal((await state()).state, 'running', 'another tab is seen');
  host.seen(two.gone.signal, false);
  assert.equal((await state()).state, 'paused');
  host.seen(one.gone.signal, true);
  assert.equal((await state()).state, 'running');
  await assert.rejects(radio.webln.request('stream.start', { ...raw, sessionId: 'radio', pauseWhenHidden: 'no' }), {
    name: 'InvalidDataError',
  });
  await radio.webln.request('stream.start', { ...raw, sessionId: 'radio', pauseWhenHidden: false });
  host.seen(radio.gone.signal, false);
  assert.equal(((await radio.webln.request('stream.state', { streamId: 's1' })) as { state: string }).state, 'running');
});

test('a meter counts each second', async () => {
  const { started, frame, pass } = harness();
  const stream = await openStream(frame().webln, terms);
  const seen: bigint[] = [];
  stream.onChange(({ owedMsat }) => seen.push(owedMsat));
  for (let second = 1n; second <= 3n; second += 1n) {
    started[0]!.stream.state = { ...started[0]!.stream.state, owedMsat: second * 1_000n };
    await pass(1_000);
  }
  assert.deepEqual(seen, [0n, 1_000n, 2_000n, 3_000n]);
});

test('the browser ends: what was used is paid at the next start, and the line ends unless its page comes back', async () => {
  const records = new FakeStore();
  const engine = new FakeEngine();
  const before = harness({ engine, records });
  const { webln } = before.frame();
  const [film, game] = [await openStream(webln, terms), await openStream(webln, { ...terms, sessionId: 'game' })];
  await film.add(3);
  engine.started[0]!.stream.state = { ...engine.started[0]!.stream.state, owedMsat: 4_700n };
  await before.pass(1_000);
  await game.add(1);
  engine.leave();
  await before.pass(0); // the last that it does
  engine.open.set(`${NODE} nobody's`, 's9');

  engine.away = false;
  const after = harness({ engine, records });
  await after.streams.resume();
  const [woken, wokenGame] = engine.started.slice(2);
  assert.deepEqual([woken!.options.usedMsat, wokenGame!.options.usedMsat], [4_700n, 500n]);
  assert.deepEqual([woken!.stream.id, woken!.stream.state.paused], ['s0', 'caller'], 'its own line, usage still');
  assert.deepEqual(engine.closed, ['s9'], 'what nobody knows is closed');
  assert.deepEqual(
    after.streams.list().map(({ gone, request }) => [gone, request.sessionId]),
    [
      [true, 'film'],
      [true, 'game'],
    ],
  );

  await openStream(after.frame().webln, { ...terms, sessionId: 'game' });
  assert.equal(wokenGame!.stream.state.paused, null, 'its page is back');
  await after.pass(9_999);
  assert.ok(!woken!.stream.state.ended);
  await after.pass(1);
  assert.deepEqual(
    [woken!.stream.state.ended, woken!.stream.state.paidMsat, wokenGame!.stream.state.ended],
    [true, 4_700n, false],
  );
  assert.deepEqual([...records.all.keys()], [`stream/https://shop.example https://shop.example ${NODE} game`]);
});

test('units that were asked for and not given are not noted', async () => {
  const records = new FakeStore();
  const { started, frame, pass } = harness({ records });
  const stream = await openStream(frame().webln, terms);
  const fake = started[0]!.stream;
  let give = (): void => {};
  const counts = fake.add.bind(fake);
  fake.add = async (units) => (await counts(units), new Promise((given) => (give = given)));
  const adding = stream.add(2);
  await pass(1_000);
  const noted = () => (JSON.parse([...records.all.values()][0]!) as { usedMsat: string }).usedMsat;
  assert.equal(noted(), '0');
  give();
  await adding;
  assert.equal(noted(), '1000', 'before the site gives what they are for');
});

test('the wallet goes away and comes back: a stream whose page is there goes on in its line', async () => {
  const records = new FakeStore();
  const { engine, started, streams, frame, pass } = harness({ records });
  const { webln, gone } = frame();
  const stream = await openStream(webln, terms);
  await stream.add(2);
  engine.leave();
  for (let count = 0; count < 5; count++) await turn();
  assert.deepEqual([stream.meter.state, stream.meter.reason], ['paused', 'offline']);
  await assert.rejects(stream.add(), { name: 'ConnectionError' });
  engine.away = false;
  await streams.resume();
  assert.deepEqual(
    [started.length, started[1]!.stream.id, started[1]!.options.usedMsat, stream.meter.state],
    [2, 's0', 1_000n, 'running'],
  );
  // Away again, its page goes, too: it is settled when the wallet is back.
  engine.leave();
  gone.abort();
  await pass(0);
  assert.deepEqual(streams.list(), []);
  engine.away = false;
  await streams.resume();
  await pass(10_000);
  assert.deepEqual([started[2]!.stream.state.ended, records.all.size], [true, 0]);
});

test('stopped without a network, it ends when what is owed is paid', async () => {
  const { started, streams, frame, pass } = harness();
  const { webln } = frame();
  await (await openStream(webln, terms)).add(2);
  const { stream } = started[0]!;
  stream.set({ paused: 'offline' });
  await streams.byUser('s0', 'stop');
  stream.set({ paused: 'offline' }); // which is why it stands still, whoever holds it
  await pass(60_000);
  assert.deepEqual([stream.state.ended, streams.list().map(({ gone }) => gone)], [false, [true]]);
  stream.set({ paused: 'caller' });
  await pass(1_000);
  assert.deepEqual([stream.state.ended, stream.state.paidMsat, streams.list()], [true, 1_000n, []]);
});

test('a page whose wallet went away starts its stream again, once', async () => {
  const { engine, streams, frame } = harness();
  const { webln, lose } = frame();
  const stream = await openStream(webln, terms);
  lose();
  lose();
  await Promise.resolve();
  assert.equal(stream.meter.reason, 'offline');
  for (let count = 0; count < 5; count++) await turn();
  assert.deepEqual([stream.meter.state, streams.list().length], ['running', 1]);
  engine.away = true;
  await streams.byUser('s0', 'stop');
  await turn();
  assert.equal(stream.meter.state, 'stopped');
  lose();
  assert.equal(stream.meter.state, 'stopped', 'a stopped one stays so');
});

test('a stream ends with its frame; the next page of the session opens another', async () => {
  const { started, streams, frame } = harness();
  const first = frame();
  const stream = await openStream(first.webln, terms);
  await stream.add(2);
  first.gone.abort();
  await turn();
  assert.ok(started[0]!.stream.state.ended);
  assert.equal(started[0]!.stream.state.owedMsat, 0n);
  assert.deepEqual(streams.list(), []);
  await openStream(frame().webln, terms);
  assert.equal(started.length, 2);
});

test('two tabs of one session: the stream goes on for the one that stays', async () => {
  const { started, frame } = harness();
  const [first, second] = [frame(), frame()];
  await openStream(first.webln, terms);
  await openStream(second.webln, terms);
  first.gone.abort();
  await turn();
  assert.ok(!started[0]!.stream.state.ended);
  second.gone.abort();
  await turn();
  assert.ok(started[0]!.stream.state.ended);
});

test('it pauses while the page is hidden, unless the site paused it itself', async () => {
  const page = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  Object.defineProperty(globalThis, 'document', { value: page, configurable: true });
  try {
    const { frame } = harness();
    const stream = await openStream(frame().webln, { ...terms, pauseWhenHidden: true });
    const show = async (visibilityState: string) => {
      page.visibilityState = visibilityState;
      page.dispatchEvent(new Event('visibilitychange'));
      for (let count = 0; count < 5; count++) await turn();
      return stream.meter.state;
    };
    assert.deepEqual([await show('hidden'), await show('visible')], ['paused', 'running']);
    await stream.pause();
    assert.deepEqual([await show('hidden'), await show('visible')], ['paused', 'paused']);
    await stream.stop();
  } finally {
    Reflect.deleteProperty(globalThis, 'document');
  }
});
