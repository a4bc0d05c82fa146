// The host of one wallet's engine: pages connect, prove the passphrase, ask; the engine runs while one of them lives.

import { describe, isErrorData, toData, toError, WalletError } from '../base/error.ts';
import { KeyedMutex } from '../base/keyed-mutex.ts';
import type { Request } from '../base/protocol.ts';
import { lifeLock } from '../link/names.ts';
import { isPayment, notSent } from '../link/outcome.ts';
import { isNewer } from '../link/release.ts';
import type { WasmInput } from '../link/wasm-source.ts';
import { readToHost, type Call, type Key, type Opened, type ToHost } from '../link/wire.ts';
import type { Engine, EngineModule, LoadEngine } from './engine.ts';
import type { HeldLock, Locks } from './locks.ts';
import { LogRing } from './log.ts';
import { own } from './ownership.ts';
import { Port, type Channel, type Report } from './port.ts';
import { Siblings, type Bus, type HostInfo, type Reason } from './siblings.ts';

/** Parts of a host; the worker gives it the browser's, the tests their own. */
export interface HostEnvironment {
  name: string;
  info: HostInfo;
  locks: Locks;
  bus: Bus;
  load: LoadEngine;
  /** Ends the worker. */
  exit: () => void;
}

/** The open wallet. */
interface Session {
  engine: Engine;
  network: string;
  held: HeldLock;
}

/** Ms between the last words to the pages and the end of the worker. */
const LAST_WORDS_MS = 50;

/** See the head of this file. */
export class EngineHost {
  readonly #environment: HostEnvironment;
  readonly #life: HeldLock | null;
  readonly #log = new LogRing();
  readonly #siblings: Siblings;
  readonly #ports = new Set<Port>();
  #wasm: WasmInput | null = null;
  #module: Promise<EngineModule> | null = null;
  #session: Session | null = null;
  #owned: HeldLock | null = null;
  /** Opening, closing and deleting, one after the other. After a crash they never end: the pages were told. */
  readonly #mutex = new KeyedMutex();
  #trapped = false;
  #dead = false;

  private constructor(environment: HostEnvironment, life: HeldLock | null) {
    this.#environment = environment;
    this.#life = life;
    this.#siblings = new Siblings(environment.bus, environment.info);
    this.#siblings.holds = () => this.#owned !== null;
    this.#siblings.onYield = (reason) => void this.#yield(reason);
  }

  /** Starts a host. It holds the lock of its life until it exits. */
  static async start(environment: HostEnvironment): Promise<EngineHost> {
    return new EngineHost(environment, await environment.locks.acquire(lifeLock(environment.info.id), { timeout: 0 }));
  }

  /** A page connects. */
  connect(channel: Channel): void {
    const port = new Port(channel);
    channel.onmessage = ({ data }) => {
      const message = readToHost(data);
      if (typeof message === 'string') {
        const error = new WalletError(
          'invalidInput',
          `The wallet's engine was sent a wrong message (${message}): reload the page.`,
        );
        port.send({ kind: 'refused', error: toData(error), retry: false });
      } else {
        this.#receive(port, message);
      }
    };
  }

  /** The engine has trapped: nothing more can be asked of it. */
  crash(trap: Error): void {
    if (this.#dead) return;
    this.#trapped = true;
    const cause = trap.stack ?? describe(trap); // where in the wasm it was
    this.#log.add(`ERROR the engine stopped: ${cause}`);
    const message =
      "The wallet's engine stopped after an internal error: open the wallet again; it continues from what was saved.";
    this.#die(new WalletError('walletCrashed', message, [cause]));
  }

  #receive(port: Port, message: ToHost): void {
    switch (message.kind) {
      case 'hello':
        this.#hello(port, message);
        break;
      case 'call':
        if (this.#ports.has(port)) void port.answer(message.id, message.call, (...work) => this.#answer(port, ...work));
        break;
      case 'bye':
        void this.#leave(port);
        break;
    }
  }

  #hello(port: Port, { version, release, life, wasm = null }: ToHost & { kind: 'hello' }): void {
    const { info, locks } = this.#environment;
    if (version > info.version || (version === info.version && isNewer(release, info.release))) {
      const error = new WalletError('versionMismatch', 'An older release of the wallet makes room for this one.');
      port.send({ kind: 'refused', error: toData(error), retry: true });
      void this.#yield('newer');
    } else if (version < info.version) {
      const error = new WalletError(
        'versionMismatch',
        'A newer release of this wallet is running: reload this page to get it here.',
      );
      port.send({ kind: 'refused', error: toData(error), retry: false });
    } else if (!this.#ports.has(port)) {
      this.#ports.add(port);
      port.send({ kind: 'welcome', version: info.version, release: info.release, life: info.id });
      // The page holds a lock named after its life; when it is free the page has died.
      locks.whenFree(lifeLock(life), port.gone).then(
        () => this.#leave(port),
        () => undefined,
      );
      this.#wasm ??= wasm;
      void this.#load().catch(() => undefined); // begun early; whoever needs it sees the failure
    }
  }

  async #answer(port: Port, call: Call, report: Report): Promise<unknown> {
    try {
      return await this.#call(port, call, report);
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError) this.crash(error);
      if (this.#trapped) return new Promise(() => {}); // `ended` says it
      throw error;
    }
  }

  async #call(port: Port, call: Call, report: Report): Promise<unknown> {
    switch (call.method) {
      case 'keySources':
        return (await (await this.#load()).keySources(this.#environment.name)) ?? null;
      case 'open':
        return this.#exclusive(() => this.#open(port, call, report));
      case 'request':
        return this.#request(port, call.request, report.begun);
      case 'putKey':
      case 'removeKey':
        return this.#exclusive(() => this.#changeKeys(port, call));
      case 'words':
        return this.#words(call.key);
      case 'destroy':
        return this.#exclusive(() => this.#destroy(call.takeOver));
    }
  }

  async #open(port: Port, call: Call & { method: 'open' }, report: Report): Promise<Opened> {
    const { name, info, locks } = this.#environment;
    if (call.options.name !== name)
      throw new WalletError('invalidInput', `This worker hosts the wallet "${name}" only.`);
    if (this.#session === null) {
      const module = await this.#load();
      const owned = await own(name, info, call.takeOver, locks, this.#siblings);
      if ('elsewhere' in owned) return owned;
      this.#take(owned.held);
      try {
        const engine = await module.open(call.options, call.key, call.source ?? undefined, report.progress);
        this.#session = { engine, network: call.options.network, held: owned.held };
      } catch (error) {
        this.#giveBack();
        throw error;
      } finally {
        call.key.fill(0);
      }
      this.#log.seed(call.log);
    } else {
      this.#join(this.#session, call);
    }
    if (port.gone.aborted) await this.#closeIfUnused();
    else this.#subscribe(port, this.#session);
    return { opened: true };
  }

  /**
   * A further page opens the wallet that is open already.
   * @throws {WalletError} `wrongPassphrase`, or why the wallet is not open
   */
  #join({ engine, network }: Session, { options, key, source }: Call & { method: 'open' }): void {
    const proven = engine.proves(key);
    key.fill(0);
    if (source !== null)
      throw new WalletError(
        'walletExists',
        `The wallet "${options.name}" exists and is open: open it without creating it.`,
      );
    if (!proven)
      throw new WalletError(
        'wrongPassphrase',
        'Wrong passphrase: try again, minding the keyboard layout and capitals.',
      );
    if (options.network !== network) {
      throw new WalletError(
        'wrongNetwork',
        `The wallet "${options.name}" is of ${network}: choose that network, or another wallet.`,
      );
    }
  }

  #subscribe(port: Port, session: Session): void {
    port.subscription ??= session.engine.subscribe((notice) => {
      if (notice === null) this.#die(closed());
      else if (notice.notice === 'stopped') this.#die(toError(notice.error));
      else port.notify(notice);
    });
  }

  async #request(port: Port, request: Request, onBegin: (paymentId: string) => void): Promise<unknown> {
    const session = this.#session;
    if (session === null || port.subscription === null) throw isPayment(request) ? notSent(closed()) : closed();
    if (request.method === 'close') {
      await this.#exclusive(() => this.#close());
      setTimeout(() => this.#notifyEnded(closed())); // after the answer
      return null;
    }
    try {
      const value = await session.engine.request(request, onBegin);
      return request.method === 'diagnostics' ? `${String(value)}\n\nLog:\n${this.#log.lines().join('\n')}` : value;
    } catch (error) {
      if (isErrorData(error) && error.code === 'fenced')
        this.#die(new WalletError('fenced', error.message, error.causes));
      throw error;
    }
  }

  async #changeKeys(port: Port, call: Call & { method: 'putKey' | 'removeKey' }): Promise<null> {
    if (this.#session === null || port.subscription === null) throw closed();
    const { engine } = this.#session;
    if (!engine.proves(call.proof))
      throw new WalletError('wrongPassphrase', 'The present passphrase is wrong; nothing was changed. Try again.');
    await (call.method === 'putKey' ? engine.putKey(call.source, call.key) : engine.removeKey(call.source));
    return null;
  }

  /** The key alone gives them away: a wallet that cannot be opened has them too. */
  async #words(key: Key): Promise<string> {
    if (this.#session !== null) return this.#session.engine.words(key);
    return (await this.#load()).storedWords(this.#environment.name, key);
  }

  async #destroy(takeOver: boolean): Promise<null> {
    const { name, info, locks } = this.#environment;
    const module = await this.#load();
    if (this.#session !== null) {
      if (!takeOver)
        throw new WalletError('inUse', 'The wallet is open: lock it before you delete it, or give `takeOver`.');
      await this.#close();
      this.#notifyEnded(new WalletError('closed', 'The wallet was deleted.'));
    }
    const owned = await own(name, { ...info, shared: false }, takeOver, locks, this.#siblings);
    if ('elsewhere' in owned) throw closed();
    this.#take(owned.held);
    try {
      await module.destroy(name);
    } finally {
      this.#giveBack();
    }
    return null;
  }

  /** A page has left or died. */
  async #leave(port: Port): Promise<void> {
    if (!this.#ports.delete(port)) return;
    if (port.subscription !== null) this.#session?.engine.unsubscribe(port.subscription);
    port.drop();
    if (this.#dead) return;
    await this.#exclusive(() => this.#closeIfUnused());
    this.#exitIfAlone();
  }

  async #closeIfUnused(): Promise<void> {
    if (![...this.#ports].some((port) => port.subscription !== null)) await this.#close();
  }

  /** Finishes the step, forgets the keys, lets the wallet go. */
  async #close(): Promise<void> {
    const session = this.#session;
    this.#session = null;
    try {
      await session?.engine.close();
    } catch (error) {
      this.#log.add(`ERROR closing the engine: ${describe(isErrorData(error) ? error.message : error)}`);
    } finally {
      if (session !== null) this.#giveBack();
    }
  }

  /** Another host shall have the wallet. */
  async #yield(reason: Reason): Promise<void> {
    if (this.#dead) return;
    await this.#exclusive(() => this.#close());
    this.#die(
      reason === 'newer'
        ? new WalletError(
            'versionMismatch',
            'A newer release of this wallet runs in another tab: reload this page to get it here.',
          )
        : new WalletError('fenced', 'The wallet was taken over by another tab: use that tab, or open it here again.'),
    );
  }

  #take(held: HeldLock): void {
    this.#owned = held;
    void held.lost.then(() => {
      if (this.#owned !== held) return;
      this.#die(
        new WalletError('fenced', 'The wallet was taken over by another tab: use that tab, or open it here again.'),
      );
    });
  }

  #giveBack(): void {
    this.#owned?.release();
    this.#owned = null;
  }

  /** Tells every page and ends the worker; nothing of it may be used again. */
  #die(error: WalletError): void {
    if (this.#dead) return;
    this.#dead = true;
    this.#abort();
    this.#notifyEnded(error);
    this.#giveBack();
    setTimeout(() => this.#exit(), LAST_WORDS_MS); // the messages would be lost with the worker otherwise
  }

  /** Where the engine shares its thread, ending the host ends nothing of it: it would keep keys and connections. */
  #abort(): void {
    const session = this.#session;
    this.#session = null;
    if (session === null || this.#trapped) return;
    try {
      session.engine.abort();
    } catch (error) {
      this.#log.add(`ERROR stopping the engine: ${describe(error)}`);
    }
  }

  /** The pages that had the wallet open lose it; those that only asked stay. */
  #notifyEnded(error: WalletError): void {
    const next = this.#environment.info.generation + (this.#dead ? 1 : 0);
    for (const port of this.#ports) {
      if (port.subscription === null && !this.#dead) continue;
      port.send({
        kind: 'ended',
        error: toData(error),
        log: error.code === 'walletCrashed' ? this.#log.lines() : [],
        next,
      });
      this.#ports.delete(port);
      setTimeout(() => port.drop(), LAST_WORDS_MS);
    }
    if (!this.#dead) this.#exitIfAlone();
  }

  /** A worker of one page ends with it; a shared one may be joined again at any moment, so the browser ends it. */
  #exitIfAlone(): void {
    if (this.#ports.size === 0 && !this.#environment.info.shared) setTimeout(() => this.#exit(), LAST_WORDS_MS);
  }

  #exit(): void {
    this.#dead = true;
    this.#life?.release();
    this.#environment.exit();
  }

  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    return this.#mutex.run(this.#environment.name, work);
  }

  #load(): Promise<EngineModule> {
    this.#module ??= this.#environment.load(
      (line) => this.#log.add(line),
      () => {
        this.#trapped = true;
        setTimeout(() => this.crash(new Error('trap in the engine'))); // unless the trap itself comes by and tells more
      },
      this.#wasm,
    );
    this.#module.catch(() => (this.#module = null)); // tried again by the next call
    return this.#module;
  }
}

const closed = (): WalletError => new WalletError('closed', 'The wallet is closed or locked: open it again.');
