/** Streams, the wallet that has them and frames of sites: for the tests of streams of sites. */

import { type Sender, SiteHost, type SiteReply, WalletStreams, type Webln, installWebln } from '../../src/provider.ts';
import type { Authorization } from '../../src/base/protocol.ts';
import type { StreamLike, StreamStateLike } from '../../src/sites/streams/types.ts';
import { pageWindow } from './site-page.ts';
import { FakeStore, FakeWallet, Failure, NOW, User, SHOP, turn } from './site-fakes.ts';

export const NODE = `02${'11'.repeat(32)}`;
export const OTHER: Sender = {
  origin: 'https://evil.example',
  topLevelOrigin: 'https://evil.example',
  tabId: 9,
  frameId: 0,
};

/** A stream of the wallet, moved by hand. */
export class FakeStream implements StreamLike {
  readonly id: string;
  state: StreamStateLike = { paidMsat: 0n, pendingMsat: 0n, owedMsat: 0n, paused: null, ended: false };
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
    if (this.state.ended) throw new Failure('closed');
    this.set({ paidMsat: this.state.paidMsat + this.state.owedMsat, owedMsat: 0n, ended: true });
  }
}

export interface Started {
  readonly stream: FakeStream;
  readonly options: {
    readonly to: { nodeId: string; session: string };
    readonly usedMsat?: bigint | undefined;
    readonly authorization?: Authorization;
  };
}

/** The engine: lines of sessions, open until they are closed, whoever drives them. */
export class FakeEngine {
  readonly started: Started[] = [];
  readonly open = new Map<string, string>();
  readonly closed: string[] = [];
  away = false;
  /** The wallet's store. */
  store = new FakeStore();

  async stream(options: Started['options']): Promise<FakeStream> {
    const { nodeId, session } = options.to;
    const key = `${nodeId} ${session}`;
    const id = this.open.get(key) ?? `s${this.started.length}`;
    const stream = new FakeStream(id);
    this.open.set(key, id);
    for (const { key: name, value } of options.authorization?.records ?? []) this.store.all.set(name, value ?? '');
    this.started.push({ stream, options });
    if (options.usedMsat !== undefined) stream.set({ owedMsat: options.usedMsat });
    stream.onChange(({ ended }) => ended && !this.away && this.open.delete(key));
    await turn();
    return stream;
  }
  async streams() {
    if (this.away) throw new Failure('closed');
    return [...this.open].map(([key, id]) => {
      const [payee = '', session = ''] = key.split(' ');
      return { id, direction: 'outbound' as const, payee, stream: { session, open: true } };
    });
  }
  async closeStream(id: string) {
    this.closed.push(id);
    for (const [key, open] of this.open) if (open === id) this.open.delete(key);
  }
  /** The wallet goes away with the browser or a lock: its lines stay open. */
  leave(): void {
    this.away = true;
    for (const { stream } of this.started) if (!stream.state.ended) stream.set({ ended: true });
  }
}

export interface Parts {
  budget?: boolean;
  engine?: FakeEngine;
  /** Where streams are noted. */
  records?: FakeStore;
}

export function harness({ budget = true, engine = new FakeEngine(), records }: Parts = {}) {
  const base = new FakeWallet();
  if (records) engine.store = records;
  const user = new User();
  const clock = { ms: NOW, tick: () => {} };
  const open = () => {
    if (engine.away) throw new Failure('closed');
    return engine;
  };
  const streams = new WalletStreams({
    open,
    budgetLeftMsat: (site) => base.budgetLeftMsat(site),
    now: () => clock.ms,
    every: (_, work) => {
      clock.tick = work;
      return () => (clock.tick = () => {});
    },
    ...(records && { store: records }),
  });
  const wallet = Object.assign(base, { streams });
  const give = (left = 1_000_000n, { origin }: Sender = SHOP) => base.budgets.set(`${origin} ${origin}`, left);
  if (budget) give();
  const { store } = base;
  for (const origin of ['https://shop.example', 'https://evil.example'])
    store.all.set(`grant/${origin} ${origin}`, '{"version":1,"balance":false}');
  const host = new SiteHost({ wallet, ask: user.ask, version: '1' });
  /** A frame of a site, with its end. */
  const frame = (sender: Sender = SHOP): { webln: Webln; gone: AbortController; lose: () => void } => {
    const gone = new AbortController();
    const listener: { receive: (message: never) => void } = { receive: () => {} };
    streams.watch((site, detail) => {
      if (site.origin === sender.origin) listener.receive({ amplet: 1, event: 'stream', detail } as never);
    });
    const webln = installWebln({
      transport: {
        post: (call) =>
          void host
            .handle(sender, call, gone.signal)
            .then((reply: SiteReply | null) => listener.receive(structuredClone(reply) as never)),
        listen: (heard) => (listener.receive = heard as never),
      },
      info: { name: 'Amplet', icon: 'data:,', rdns: 'org.amplet' },
      target: pageWindow(),
    });
    return { webln, gone, lose: () => listener.receive({ amplet: 1, event: 'lost', detail: null } as never) };
  };
  /** Time goes by, and streams are looked at. */
  const pass = async (ms: number) => {
    clock.ms += ms;
    clock.tick();
    for (let count = 0; count < 5; count++) await turn();
  };
  return { started: engine.started, engine, host, streams, user, give, frame, pass };
}

export const terms = {
  nodeId: NODE,
  sessionId: 'film',
  ratePerSecondMsat: 1_000n,
  perUnitMsat: 500n,
  creditMsat: 30_000n,
  pauseWhenHidden: false,
};
