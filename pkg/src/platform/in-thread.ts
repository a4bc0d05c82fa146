// Engines hosted in the thread that uses them: no worker is started. The hosts are the same as in a worker.

import { describe, WalletError } from '../base/error.ts';
import { VERSION } from '../base/protocol.ts';
import type { EngineModule } from '../engine/engine.ts';
import { EngineHost } from '../engine/host.ts';
import type { Locks } from '../engine/locks.ts';
import type { Bus } from '../engine/siblings.ts';
import { hostsChannel } from '../link/names.ts';
import { RELEASE } from '../link/release.ts';
import type { Started } from './contract.ts';

/** Parts of the thread. */
export interface Thread {
  locks: Locks;
  /** A broadcast among hosts, and how it ends. */
  bus(name: string): Bus & { close(): void };
  /** Loads the engine's wasm, which is one for the whole thread. */
  load(log: (line: string) => void, crashed: () => void): Promise<EngineModule>;
}

interface Listener {
  log: (line: string) => void;
  crashed: () => void;
}

/** The hosts of a thread, one per wallet and generation. */
export class InThread {
  readonly #thread: Thread;
  readonly #hosts = new Map<string, Promise<EngineHost>>();
  readonly #listeners = new Set<Listener>();
  #module: Promise<EngineModule> | null = null;
  #trapped = false;

  constructor(thread: Thread) {
    this.#thread = thread;
  }

  /** Starts the host of a wallet, or joins the one that runs. */
  start(name: string, generation: number): Started {
    const { port1, port2 } = new MessageChannel();
    const failed = this.#host(name, generation).then((host) => {
      host.connect(port2);
      return new Promise<never>(() => {});
    });
    return { port: port1, failed, wasm: null, release: () => undefined };
  }

  /** The engine has trapped outside of a call. */
  crash(trap: Error): void {
    this.#trapped = true;
    for (const host of this.#hosts.values()) void host.then((running) => running.crash(trap));
  }

  #host(name: string, generation: number): Promise<EngineHost> {
    const key = `${name}:${generation}`;
    const running = this.#hosts.get(key) ?? this.#begin(name, generation, () => this.#hosts.delete(key));
    this.#hosts.set(key, running);
    running.catch(() => this.#hosts.delete(key));
    return running;
  }

  #begin(name: string, generation: number, ended: () => void): Promise<EngineHost> {
    const id = crypto.randomUUID();
    const bus = this.#thread.bus(hostsChannel(name));
    let listener: Listener | null = null;
    return EngineHost.start({
      name,
      // It waits for the next link when the last has left.
      info: { id, version: VERSION, release: RELEASE, script: id, generation, shared: true },
      locks: this.#thread.locks,
      bus,
      load: (log, crashed) => {
        listener = { log, crashed };
        this.#listeners.add(listener);
        return this.#load();
      },
      exit: () => {
        ended();
        bus.close();
        if (listener !== null) this.#listeners.delete(listener);
      },
    });
  }

  #load(): Promise<EngineModule> {
    if (this.#trapped) {
      return Promise.reject(
        new WalletError(
          'walletCrashed',
          "The wallet's engine stopped after an internal error: start the worker or process again; the wallet continues from what was saved.",
        ),
      );
    }
    this.#module ??= this.#thread
      .load(
        (line) => this.#listeners.forEach(({ log }) => log(line)),
        () => {
          this.#trapped = true;
          this.#listeners.forEach(({ crashed }) => crashed());
        },
      )
      .catch((error: unknown) => {
        this.#module = null; // tried again by the next host
        throw error instanceof WalletError
          ? error
          : new WalletError('internal', "The wallet's engine could not be loaded: check that the package is whole.", [
              describe(error),
            ]);
      });
    return this.#module;
  }
}
