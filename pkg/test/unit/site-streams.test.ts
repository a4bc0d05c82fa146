import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Sender,
  SiteHost,
  type SiteReply,
  type StreamLike,
  type StreamMeter,
  type StreamStateLike,
  WalletStreams,
  type Webln,
  installWebln,
  openStream,
} from '../../src/provider/index.ts';
import { FakeStore, FakeWallet, Failure, Person, SHOP, turn } from './site-fakes.ts';

const NODE = `02${'11'.repeat(32)}`;
const OTHER: Sender = { origin: 'https://evil.example', topLevelOrigin: 'https://evil.example', tabId: 9, frameId: 0 };

/** A stream of the wallet, moved by hand. */
class FakeStream implements StreamLike {
  readonly id: string;
  state: StreamStateLike = { paidMsat: 0n, owedMsat: 0n, paused: null, ended: false };
  units = 0n;
  readonly #listeners = new Set<(state: StreamStateLike) => void>();

  constructor(id: string) {
    this.id = id;
  }
  set(more: Partial<StreamStateLike>): void {
    this.state = { ...this.state, ...more };
    for (const listener of this.#listeners) listener(this.state);
  }
  onChange(listener: (state: StreamStateLike) => void) {
    this.#listeners.add(listener);
    listener(this.state);
    return () => void this.#listeners.delete(listener);
  }
  async add(units: bigint) {
    if (this.state.ended) throw new Failure('closed');
    this.units += units;
    this.set({ owedMsat: this.state.owedMsat + units * 500n });
  }
  pause() {
    this.set({ paused: 'caller' });
  }
  resume() {
    this.set({ paused: null });
  }
  async stop() {
    this.set({ paidMsat: this.state.paidMsat + this.state.owedMsat, owedMsat: 0n, ended: true });
  }
}

function world({ purse = true }: { purse?: boolean } = {}) {
  const base = new FakeWallet();
  const person = new Person();
  const started: { stream: FakeStream; options: object }[] = [];
  const open = () => ({
    stream: async (options: object) => {
      const stream = new FakeStream(`s${started.length}`);
      started.push({ stream, options });
      await turn();
      return stream;
    },
  });
  const streams = new WalletStreams({ open, purseLeftMsat: (site) => base.purseLeftMsat(site) });
  const wallet = Object.assign(base, { streams });
  const give = () => base.purses.set('https://shop.example https://shop.example', 1_000_000n);
  if (purse) give();
  const store = new FakeStore();
  for (const origin of ['https://shop.example', 'https://evil.example']) store.all.set(`grant/${origin} ${origin}`, '{"version":1,"balance":false}');
  const host = new SiteHost({ wallet, ask: person.ask, store, version: '1' });
  /** A frame of a site, with its end. */
  const frame = (sender: Sender = SHOP): { webln: Webln; gone: AbortController } => {
    const gone = new AbortController();
    const listener: { receive: (message: never) => void } = { receive: () => {} };
    streams.watch((site, detail) => {
      if (site.origin === sender.origin) listener.receive({ amplet: 1, event: 'stream', detail } as never);
    });
    const webln = installWebln({
      transport: {
        post: (call) => void host.handle(sender, call, gone.signal).then((reply: SiteReply | null) => listener.receive(structuredClone(reply) as never)),
        listen: (heard) => (listener.receive = heard as never),
      },
      info: { name: 'Amplet', icon: 'data:,', rdns: 'org.amplet' },
      target: Object.assign(new EventTarget(), { document: new EventTarget() }) as unknown as Window,
    });
    return { webln, gone };
  };
  return { started, streams, person, give, frame };
}

const terms = { nodeId: NODE, sessionId: 'film', ratePerSecondMsat: 1_000n, perUnitMsat: 500n, creditMsat: 30_000n, pauseWhenHidden: false };

test('a site streams within its purse: units, meter, pause, end', async () => {
  const { started, frame } = world();
  const { webln } = frame();
  const stream = await openStream(webln, terms);
  const seen: StreamMeter[] = [];
  stream.onChange((meter) => seen.push(meter));
  assert.deepEqual(started[0]!.options, {
    to: { nodeId: NODE, session: 'film' },
    ratePerSecondMsat: 1_000n,
    unitMsat: 500n,
    creditMsat: 30_000n,
    spender: { holder: { kind: 'site', origin: 'https://shop.example', topLevel: 'https://shop.example' }, purpose: 'stream' },
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
  const { started, frame } = world();
  const stream = await openStream(frame().webln, { nodeId: NODE, sessionId: 'film', ratePerSecondMsat: 1_000n, creditMsat: 30_000n, pauseWhenHidden: false });
  await assert.rejects(stream.add(), { name: 'InvalidDataError' });
  assert.equal(started[0]!.stream.units, 0n);
});

test('without a purse the person is asked for one, and without it nothing runs', async () => {
  const { started, person, give, frame } = world({ purse: false });
  const { webln } = frame();
  person.answer = () => ({ allowed: true });
  await assert.rejects(openStream(webln, terms), { name: 'RejectionError' });
  person.answer = () => (give(), { allowed: true });
  await openStream(webln, terms);
  assert.deepEqual([person.kinds, started.length], [['stream', 'stream'], 1]);
});

test('a session has one stream, however often it is opened, and it is nobody else\'s', async () => {
  const { started, streams, frame } = world();
  const { webln } = frame();
  const [one, other] = await Promise.all([openStream(webln, terms), openStream(webln, terms)]);
  assert.equal(started.length, 1);
  assert.deepEqual(one.meter, other.meter);
  const evil = frame(OTHER).webln;
  for (const method of ['stream.stop', 'stream.add', 'stream.state', 'stream.pause', 'stream.resume']) {
    await assert.rejects(evil.request(method, { streamId: 's0', units: 1 }), { name: 'InvalidDataError' });
  }
  assert.deepEqual(streams.list().map(({ site, report }) => [site.origin, report.state]), [['https://shop.example', 'running']]);
});

test('what the person pauses the site does not resume, and one tap ends it', async () => {
  const { streams, frame } = world();
  const stream = await openStream(frame().webln, terms);
  await streams.byPerson('s0', 'pause');
  await stream.resume();
  assert.deepEqual([stream.meter.state, stream.meter.reason], ['paused', 'person']);
  await streams.byPerson('s0', 'resume');
  await stream.refresh();
  assert.equal(stream.meter.state, 'running');
  await streams.byPerson('s0', 'stop');
  await turn();
  assert.equal(stream.meter.state, 'stopped');
  assert.deepEqual(streams.list(), []);
  await streams.byPerson('s0', 'stop');
});

test('a stream ends with its frame; the next page of the session opens another', async () => {
  const { started, streams, frame } = world();
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
  const { started, frame } = world();
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
    const { frame } = world();
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
