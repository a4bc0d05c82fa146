// A page's connection to the worker that hosts a wallet's engine.

import { WalletError, describe, toError } from '../error.ts';
import { lifeLock, workerName } from '../names.ts';
import { VERSION, type Notice } from '../protocol.ts';
import { RELEASE } from '../release.ts';
import { readToPage, type Call, type ToHost, type ToPage } from '../wire.ts';

/** Longest wait, in ms, for a host's first word: its script has to be loaded. */
const HELLO_TIMEOUT_MS = 20_000;

/** A wallet's last word to this page. */
export interface Ending {
  error: WalletError;
  /** The generation of the worker to connect to next. */
  next: number;
}

/** The older host made room; connect to the next generation. */
export class Retry extends Error {}

/** Calls to the host and what it says unasked. */
export class Link {
  /** Called with each notice once a wallet is open. */
  onNotice: (notice: Notice) => void = () => {};
  /** Called once, when the host has ended or died. */
  onEnd: (ending: Ending) => void = () => {};

  readonly #port: MessagePort;
  readonly #generation: number;
  readonly #pending = new Map<number, { resolve: (value: unknown) => void; reject: (error: WalletError) => void }>();
  readonly #stop: AbortController;
  readonly #worker: AbstractWorker; // kept, lest it be collected
  #nextId = 1;
  #ended: WalletError | null = null;

  private constructor(started: Started, generation: number, stop: AbortController) {
    this.#port = started.port;
    this.#worker = started.worker;
    this.#generation = generation;
    this.#stop = stop;
  }

  /** Starts the worker of this wallet and generation, or joins the one that runs. */
  static async connect(name: string, generation: number): Promise<Link> {
    const stop = new AbortController();
    let link: Link | null = null;
    try {
      const life = await holdLife(stop.signal);
      link = new Link(startWorker(workerName(name, generation)), generation, stop);
      const welcome = await link.#hello(life);
      link.#listen(welcome.life);
      return link;
    } catch (error) {
      if (link === null) stop.abort();
      else link.#release();
      throw error instanceof Retry ? error : toError(error);
    }
  }

  /** One call; `transfer` are buffers that this page gives away. */
  call(call: Call, transfer: Transferable[] = []): Promise<unknown> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#send({ kind: 'call', id, call }, transfer);
    });
  }

  /** Leaves the host; what is pending is rejected with `closed`. */
  close(): void {
    if (this.#ended !== null) return;
    this.#send({ kind: 'bye' });
    this.#end(new WalletError('closed', 'The wallet was closed in this tab: open it again.'), this.#generation, false);
  }

  #send(message: ToHost, transfer: Transferable[] = []): void {
    this.#port.postMessage(message, transfer);
  }

  #hello(life: string): Promise<ToPage & { kind: 'welcome' }> {
    const failed = whenFailed(this.#worker);
    const answered = new Promise<ToPage & { kind: 'welcome' }>((resolve, reject) => {
      this.#port.onmessage = ({ data }) => {
        const message = readToPage(data);
        if (message?.kind === 'welcome') resolve(message);
        else if (message?.kind === 'refused') reject(message.retry ? new Retry() : toError(message.error));
      };
    });
    this.#send({ kind: 'hello', version: VERSION, release: RELEASE, life });
    return Promise.race([answered, failed, silence(this.#stop.signal)]);
  }

  #receive(message: ToPage | null): void {
    switch (message?.kind) {
      case 'ok':
        this.#take(message.id)?.resolve(message.value);
        break;
      case 'err':
        this.#take(message.id)?.reject(toError(message.error));
        break;
      case 'notice':
        this.onNotice(message.notice);
        break;
      case 'ended':
        this.#end(toError(message.error, message.log), message.next);
        break;
    }
  }

  #take(id: number): { resolve: (value: unknown) => void; reject: (error: WalletError) => void } | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  /** Hears the host until it ends. It holds a lock named after its life; getting that lock means that it is dead. */
  #listen(life: string): void {
    this.#port.onmessage = ({ data }) => this.#receive(readToPage(data));
    const died = () => {
      this.#end(
        new WalletError('walletCrashed', 'The browser ended the wallet\'s engine: open the wallet again; it continues from what was saved.'),
        this.#generation + 1,
      );
    };
    navigator.locks.request(lifeLock(life), { signal: this.#stop.signal }, died).catch(() => {
      // Aborted: this link was closed before the host died.
    });
  }

  #end(error: WalletError, next: number, tell = true): void {
    if (this.#ended !== null) return;
    this.#ended = error;
    this.#release();
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
    if (tell) this.onEnd({ error, next });
  }

  #release(): void {
    this.#stop.abort();
    // A `bye` just posted is still delivered: closing a port does not drop what was sent.
    this.#port.close();
    this.#worker.onerror = null;
  }
}

/** Takes a lock that is held until `signal` aborts or this page dies, and returns its name. */
async function holdLife(signal: AbortSignal): Promise<string> {
  const life = crypto.randomUUID();
  await new Promise<void>((held, failed) => {
    const untilAborted = () =>
      new Promise<void>((release) => {
        signal.addEventListener('abort', () => release(), { once: true });
        held();
      });
    navigator.locks.request(lifeLock(life), untilAborted).catch(failed);
  });
  return life;
}

function silence(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const timer = setTimeout(
      () => reject(new WalletError('timeout', 'The wallet\'s engine did not start: check the connection to this site, then reload the page.')),
      HELLO_TIMEOUT_MS,
    );
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
  });
}

interface Started {
  worker: AbstractWorker;
  port: MessagePort;
}

/** A SharedWorker where there is one (it works on while its creator is frozen), else a Worker of this page alone. */
function startWorker(name: string): Started {
  try {
    if (typeof SharedWorker !== 'undefined') {
      const worker = new SharedWorker(new URL('./engine.worker.js', import.meta.url), { type: 'module', name });
      return { worker, port: worker.port };
    }
    const worker = new Worker(new URL('./engine.worker.js', import.meta.url), { type: 'module', name });
    const { port1, port2 } = new MessageChannel();
    worker.postMessage({ kind: 'port' }, [port2]);
    return { worker, port: port1 }; // it ends itself once its last port is gone and everything is saved
  } catch (error) {
    const message = 'The browser does not let this page start a worker: allow this site\'s data, or open the wallet in a tab of its own.';
    throw new WalletError('notAllowedHere', message, [describe(error)]);
  }
}

/** Rejects when the worker's script cannot be loaded or fails at its start. */
function whenFailed(worker: AbstractWorker): Promise<never> {
  return new Promise<never>((_, reject) => {
    worker.onerror = (event) => {
      const detail = event instanceof ErrorEvent ? event.message : 'its script could not be loaded';
      reject(new WalletError('internal', 'The wallet\'s engine could not be started: reload the page, and check that this site serves the whole package.', [detail]));
    };
  });
}
