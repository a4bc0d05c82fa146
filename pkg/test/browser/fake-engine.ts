// Stands where the engine's wasm stands, for the tests of what is around it in a real browser: ports, workers, locks.
// What it stores is kept by the tests' server.

import type { Notice, OpenOptions, Request } from '../../src/base/protocol.ts';

interface Stored {
  slots: { source: number[]; key: number[] }[];
  network: string;
}

/** A wasm module whose start function is `unreachable`. */
const TRAP = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 8, 1, 0, 10, 5, 1, 3, 0, 0, 11,
]);

const WORDS = 'abandon ability able';

let log: (line: string) => void = () => {};
let crashed: () => void = () => {};

export default async function init(): Promise<void> {}

export function start(onLog: (line: string) => void, onCrash: () => void): void {
  log = onLog;
  crashed = onCrash;
}

export async function keySources(name: string): Promise<Uint8Array[] | undefined> {
  const stored = await load(name);
  return stored?.slots.map(({ source }) => new Uint8Array(source));
}

export async function storedWords(name: string, key: Uint8Array): Promise<string> {
  const stored = await load(name);
  if (stored === null) throw { code: 'walletNotFound', message: 'none', causes: [] };
  if (!fits(stored, key)) {
    throw { code: 'wrongPassphrase', message: 'wrong passphrase', causes: [] };
  }
  return WORDS;
}

export async function destroy(name: string): Promise<void> {
  await fetch(`/store/${name}`, { method: 'DELETE' });
}

export class Engine {
  readonly #id = crypto.randomUUID();
  readonly #name: string;
  readonly #listeners = new Map<number, (notice: Notice | null) => void>();
  #stored: Stored;
  #work = 0;
  #closed = false;

  private constructor(name: string, stored: Stored) {
    this.#name = name;
    this.#stored = stored;
    const timer = setInterval(() => (this.#closed ? clearInterval(timer) : (this.#work += 1)), 20);
    log(`INFO engine ${this.#id} opened`);
  }

  static async open(options: OpenOptions, key: Uint8Array, source?: Uint8Array): Promise<Engine> {
    if (options.gateways[0]?.address === 'trap') trap();
    if (source !== undefined)
      await save(options.name, { slots: [{ source: [...source], key: [...key] }], network: options.network });
    const stored = await load(options.name);
    if (stored === null) throw { code: 'walletNotFound', message: 'none', causes: [] };
    const engine = new Engine(options.name, stored);
    if (!engine.proves(key)) throw { code: 'wrongPassphrase', message: 'wrong passphrase', causes: [] };
    return engine;
  }

  proves(key: Uint8Array): boolean {
    return fits(this.#stored, key);
  }

  async request(request: Request): Promise<unknown> {
    switch (request.method) {
      case 'status':
        return { nodeId: this.#id };
      case 'balance':
        return { spendableMsat: BigInt(this.#work) };
      case 'newAddress':
        for (const listener of this.#listeners.values()) {
          listener({ notice: 'event', event: { id: 1n, at: 2n, type: 'channelReady', channelId: 'ab' } });
        }
        return 'address';
      case 'inspect':
        return this.#inspect(request.text);
      case 'diagnostics':
        return 'fake';
      default:
        return null;
    }
  }

  subscribe(listener: (notice: Notice | null) => void): number {
    const id = this.#listeners.size + 1;
    this.#listeners.set(id, listener);
    return id;
  }

  unsubscribe(id: number): void {
    this.#listeners.delete(id);
  }

  async words(key: Uint8Array): Promise<string> {
    if (!this.proves(key)) throw { code: 'wrongPassphrase', message: 'not these words', causes: [] };
    return WORDS;
  }

  async putKey(source: Uint8Array, key: Uint8Array): Promise<void> {
    const others = this.#stored.slots.filter((slot) => source[0] === 3 || slot.source[0] === 3);
    await this.#change([...others, { source: [...source], key: [...key] }]);
  }

  async removeKey(source: Uint8Array): Promise<void> {
    const slots = this.#stored.slots.filter((slot) => String(slot.source) !== String(source));
    if (slots.length === 0) throw { code: 'invalidInput', message: 'nothing else opens it', causes: [] };
    await this.#change(slots);
  }

  async #change(slots: Stored['slots']): Promise<void> {
    this.#stored = { ...this.#stored, slots };
    await save(this.#name, this.#stored);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await fetch(`/closed/${this.#id}`, { method: 'POST' });
  }

  #inspect(text: string): Promise<unknown> {
    if (text === 'trap') {
      trap();
    } else if (text === 'trap in a task') {
      void Promise.resolve().then(() => new WebAssembly.Instance(new WebAssembly.Module(TRAP)));
    }
    return new Promise(() => {}); // it never gets to an answer
  }
}

const fits = ({ slots }: Stored, key: Uint8Array): boolean => slots.some((slot) => String(slot.key) === String(key));

/** As wasm-bindgen's glue does it: the hook first, then the trap goes to the caller. */
function trap(): void {
  try {
    new WebAssembly.Instance(new WebAssembly.Module(TRAP));
  } catch (error) {
    crashed();
    throw error;
  }
}

async function load(name: string): Promise<Stored | null> {
  const response = await fetch(`/store/${name}`);
  return response.ok ? ((await response.json()) as Stored) : null;
}

async function save(name: string, stored: Stored): Promise<void> {
  await fetch(`/store/${name}`, { method: 'PUT', body: JSON.stringify(stored) });
}
