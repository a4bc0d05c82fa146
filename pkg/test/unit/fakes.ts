// An origin without a browser: locks, broadcast, an engine of one page, pages. For the host's tests only.

import type { Engine, EngineModule } from '../../src/engine/engine.ts';
import { EngineHost } from '../../src/engine/host.ts';
import type { HeldLock, Locks } from '../../src/engine/locks.ts';
import type { Channel } from '../../src/engine/port.ts';
import type { Bus } from '../../src/engine/siblings.ts';
import { lifeLock } from '../../src/link/names.ts';
import type { Notice, OtherDevice, Payment, Request } from '../../src/base/protocol.ts';
import type { Call, ToHost, ToPage } from '../../src/link/wire.ts';

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Exclusive locks with waiting, stealing and time-outs, as the Web Locks specification has them. */
export class FakeLocks implements Locks {
  readonly #holders = new Map<string, { free: Promise<void>; lose: () => void }>();

  async acquire(
    name: string,
    { timeout, steal = false }: { timeout: number; steal?: boolean },
  ): Promise<HeldLock | null> {
    const deadline = Date.now() + timeout;
    for (let holder = this.#holders.get(name); holder !== undefined; holder = this.#holders.get(name)) {
      if (steal) {
        holder.lose();
        break;
      }
      const left = deadline - Date.now();
      if (left <= 0) return null;
      await Promise.race([holder.free, sleep(left)]);
    }
    return this.#hold(name);
  }

  async whenFree(name: string, signal: AbortSignal): Promise<void> {
    const aborted = new Promise<never>((_, reject) =>
      signal.addEventListener('abort', () => reject(new Error('aborted'))),
    );
    for (let holder = this.#holders.get(name); holder !== undefined; holder = this.#holders.get(name)) {
      await Promise.race([holder.free, aborted]);
    }
  }

  #hold(name: string): HeldLock {
    let free: () => void = () => {};
    let lose: () => void = () => {};
    const lost = new Promise<void>((done) => (lose = done));
    const holder = { free: new Promise<void>((done) => (free = done)), lose: () => lose() };
    this.#holders.set(name, holder);
    const release = () => {
      if (this.#holders.get(name) === holder) this.#holders.delete(name);
      free();
    };
    return { release, lost };
  }
}

/** A broadcast to all members but the sender. */
export class FakeBus {
  readonly #members = new Set<Bus>();

  join(): Bus {
    const member: Bus = {
      onmessage: null,
      postMessage: (data) => {
        for (const other of this.#members) {
          if (other !== member)
            queueMicrotask(() => other.onmessage?.({ data: structuredClone(data) } as MessageEvent));
        }
      },
    };
    this.#members.add(member);
    return member;
  }
}

/** Whether `name` is stored, with which key, and how often it was written. */
export interface Stored {
  key: Uint8Array;
  source: Uint8Array;
}

/** An engine that stores nothing but the key and answers `balance`, `diagnostics` and `close`; its payments never end. */
export class FakeEngine implements Engine {
  readonly listeners = new Map<number, (notice: Notice | null) => void>();
  /** Of the history, by id. */
  readonly payments = new Map<string, Payment>();
  closed = false;
  aborted = false;
  readonly #stored: Stored;
  readonly #words: string;

  constructor(stored: Stored, words: string) {
    this.#stored = stored;
    this.#words = words;
  }

  proves(key: Uint8Array): boolean {
    return same(key, this.#stored.key);
  }

  async request(request: Request, onBegin: (paymentId: string) => void = () => {}): Promise<unknown> {
    if (this.closed) throw { code: 'fenced', message: 'taken', causes: [] };
    switch (request.method) {
      case 'balance':
        return { spendableMsat: 7n };
      case 'diagnostics':
        return 'fine';
      case 'history':
        return [...this.payments.values()].reverse().slice(0, request.limit);
      case 'payment':
        if (this.payments.has(request.id)) return this.payments.get(request.id);
        throw { code: 'invalidInput', message: `no payment ${request.id}`, causes: [] };
      case 'keysend':
        onBegin('cd'.repeat(32));
        return new Promise(() => undefined); // in flight
      case 'pay':
      case 'streamPay':
      case 'newAddress':
        return new Promise(() => undefined); // never answers
      default:
        return null;
    }
  }

  subscribe(listener: (notice: Notice | null) => void): number {
    const id = this.listeners.size + 1;
    this.listeners.set(id, listener);
    return id;
  }

  unsubscribe(id: number): void {
    this.listeners.delete(id);
  }

  async words(key: Uint8Array): Promise<string> {
    if (!this.proves(key)) throw { code: 'wrongPassphrase', message: 'not these words', causes: [] };
    return this.#words;
  }

  async putKey(source: Uint8Array, key: Uint8Array): Promise<void> {
    Object.assign(this.#stored, { source, key: key.slice() });
  }

  async removeKey(): Promise<void> {
    throw { code: 'invalidInput', message: 'nothing else opens it', causes: [] };
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  abort(): void {
    this.aborted = true;
  }
}

/** What hosts of one origin share. */
export class Origin {
  readonly locks = new FakeLocks();
  readonly bus = new FakeBus();
  readonly stored = new Map<string, Stored>();
  readonly engines: FakeEngine[] = [];
  readonly exited: string[] = [];
  /** Of every wallet here. */
  words = 'abandon ability able';
  /** The device that has the wallet, if it is another one. */
  elsewhere: OtherDevice | null = null;
  /** What opening a wallet waits for. */
  gate: Promise<void> = Promise.resolve();
  crash: () => void = () => {};
  log: (line: string) => void = () => {};

  async host({
    release = '0.1.0',
    version = 1,
    generation = 0,
    shared = true,
    script = 'a.js',
  } = {}): Promise<EngineHost> {
    const id = crypto.randomUUID();
    return EngineHost.start({
      name: 'main',
      info: { id, version, release, script, generation, shared },
      locks: this.locks,
      bus: this.bus.join(),
      exit: () => this.exited.push(`${release}/${generation}`),
      load: async (log, crashed) => {
        this.log = log;
        this.crash = crashed;
        return this.#module();
      },
    });
  }

  #module(): EngineModule {
    return {
      keySources: async (name) => {
        const stored = this.stored.get(name);
        return stored && [stored.source];
      },
      storedWords: async (name, key) => {
        const stored = this.stored.get(name);
        if (stored === undefined) throw { code: 'walletNotFound', message: 'none', causes: [] };
        return new FakeEngine(stored, this.words).words(key);
      },
      destroy: async (name) => void this.stored.delete(name),
      open: async (options, key, source, onProgress) => {
        if (source !== undefined) this.stored.set(options.name, { key: key.slice(), source });
        const stored = this.stored.get(options.name);
        if (stored === undefined) throw { code: 'walletNotFound', message: 'none', causes: [] };
        if (!same(stored.key, key)) throw { code: 'wrongPassphrase', message: 'wrong', causes: [] };
        await this.gate;
        if (this.elsewhere !== null && options.moveHere !== true)
          throw { code: 'movedToAnotherDevice', message: 'elsewhere', causes: [], device: this.elsewhere };
        this.elsewhere = null;
        onProgress({ done: 1, of: 2 });
        const engine = new FakeEngine(stored, this.words);
        this.engines.push(engine);
        return engine;
      },
    };
  }
}

/** A page's end of a port. */
export class FakePage {
  readonly heard: ToPage[] = [];
  readonly #channel: Channel;
  readonly #life: HeldLock;
  #nextId = 1;
  #stopped = false;

  private constructor(channel: Channel, life: HeldLock) {
    this.#channel = channel;
    this.#life = life;
  }

  static async join(origin: Origin, host: EngineHost, { version = 1, release = '0.1.0' } = {}): Promise<FakePage> {
    const id = crypto.randomUUID();
    const life = await origin.locks.acquire(lifeLock(id), { timeout: 0 });
    if (life === null) throw new Error('a fresh lock is free');
    const heard: ToPage[] = [];
    const channel: Channel = {
      onmessage: null,
      close: () => undefined,
      postMessage: (message) => heard.push(structuredClone(message) as ToPage),
    };
    const page = new FakePage(channel, life);
    channel.postMessage = (message) => page.heard.push(structuredClone(message) as ToPage);
    host.connect(channel);
    page.say({ kind: 'hello', version, release, life: id });
    await sleep(1);
    return page;
  }

  say(message: ToHost | unknown): void {
    this.#channel.onmessage?.({ data: structuredClone(message) } as MessageEvent);
  }

  /** The answer to a call; rejects with the error. */
  async call(call: Call | unknown): Promise<unknown> {
    const id = this.#nextId++;
    this.say({ kind: 'call', id, call });
    for (const deadline = Date.now() + 9_000; Date.now() < deadline;) {
      const answer = this.heard.find(
        (message) => (message.kind === 'ok' || message.kind === 'err') && message.id === id,
      );
      if (answer?.kind === 'ok') return answer.value;
      if (answer?.kind === 'err') throw answer.error;
      if (this.#stopped || this.ended() !== undefined) break;
      await sleep(1);
    }
    throw new Error('no answer');
  }

  open(key: number, { create = false, takeOver = false, network = 'regtest', name = 'main' } = {}): Promise<unknown> {
    const options = { name, network, gateways: [], chainSources: [], fresh: false };
    const source = create ? new Uint8Array([1]) : null;
    return this.call({ method: 'open', options, key: new Uint8Array(32).fill(key), source, takeOver, log: [] });
  }

  kinds(): string[] {
    return this.heard.map(({ kind }) => kind);
  }

  ended(): (ToPage & { kind: 'ended' }) | undefined {
    return this.heard.find((message) => message.kind === 'ended');
  }

  /** The tab is gone without a word. */
  die(): void {
    this.#stopped = true;
    this.#life.release();
  }
}

const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i]);
