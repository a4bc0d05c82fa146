// A page's connection to the host of a wallet's engine.

import { locks, startHost } from '#platform';
import { toError, WalletError } from '../base/error.ts';
import { speakJson } from '../base/json.ts';
import { VERSION, type Notice, type Request, type RestoreProgress } from '../base/protocol.ts';
import { lifeLock } from '../link/names.ts';
import { isPayment, leftOpen, notSent } from '../link/outcome.ts';
import { RELEASE } from '../link/release.ts';
import { readToPage, type Call, type ToHost, type ToPage } from '../link/wire.ts';
import type { Started } from '../platform/contract.ts';

/** Maximum wait, in ms, for a host's first word: its script has to be loaded. */
const HELLO_TIMEOUT_MS = 20_000;

/** A wallet's last word to this page. */
export interface Ending {
  error: WalletError;
  /** The generation of the worker to connect to next. */
  next: number;
}

/** A call that is not answered yet. */
interface Pending {
  resolve: (value: unknown) => void;
  reject: (error: WalletError) => void;
  /** The request, when it is one that pays. */
  payment: Request | null;
  /** Id of the payment that the engine has begun for it. */
  begun: string | null;
  /** Hears how much of a backup was read. */
  onProgress: ((progress: RestoreProgress) => void) | undefined;
  /** Place of the call: an error is made when its answer comes, where nothing leads back to who called. */
  readonly called: Error;
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
  readonly #pending = new Map<number, Pending>();
  readonly #stop: AbortController;
  readonly #started: Started;
  #nextId = 1;
  #ended: WalletError | null = null;

  private constructor(started: Started, generation: number, stop: AbortController) {
    this.#port = started.port;
    this.#started = started;
    this.#generation = generation;
    this.#stop = stop;
  }

  /** Starts the host of this wallet and generation, or joins the one that runs. */
  static async connect(name: string, generation: number): Promise<Link> {
    const stop = new AbortController();
    let link: Link | null = null;
    try {
      const life = await holdLife(stop.signal);
      link = new Link(await startHost(name, generation), generation, stop);
      const welcome = await link.#hello(life);
      link.#listen(welcome.life);
      return link;
    } catch (error) {
      if (link === null) stop.abort();
      else link.#release();
      throw error instanceof Retry ? error : toError(error);
    }
  }

  /** One call; `onProgress` hears how much of a backup was read, of `open`. */
  call(call: Call, onProgress?: (progress: RestoreProgress) => void): Promise<unknown> {
    const payment = call.method === 'request' && isPayment(call.request) ? call.request : null;
    if (this.#ended !== null) return Promise.reject(payment === null ? this.#ended : notSent(this.#ended));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, payment, begun: null, onProgress, called: new Error() });
      this.#send({ kind: 'call', id, call });
    });
  }

  /** Leaves the host; what is pending is rejected with `closed`, of payments with the outcome `open`. */
  close(): void {
    if (this.#ended !== null) return;
    this.#send({ kind: 'bye' });
    this.#end(new WalletError('closed', 'The wallet was closed in this tab: open it again.'), this.#generation, false);
  }

  #send(message: ToHost): void {
    this.#port.postMessage(message);
  }

  #hello(life: string): Promise<ToPage & { kind: 'welcome' }> {
    const { failed, wasm } = this.#started;
    const answered = new Promise<ToPage & { kind: 'welcome' }>((resolve, reject) => {
      this.#port.onmessage = ({ data }) => {
        const message = readToPage(data);
        if (message?.kind === 'welcome') resolve(message);
        else if (message?.kind === 'refused') reject(message.retry ? new Retry() : toError(message.error));
      };
    });
    this.#send({ kind: 'hello', version: VERSION, release: RELEASE, life, wasm });
    return Promise.race([answered, failed, silence(this.#stop.signal)]);
  }

  #receive(message: ToPage | null): void {
    switch (message?.kind) {
      case 'begun': {
        const pending = this.#pending.get(message.id);
        if (pending) pending.begun = message.paymentId;
        break;
      }
      case 'progress':
        this.#pending.get(message.id)?.onProgress?.(message.progress);
        break;
      case 'ok':
        this.#take(message.id)?.resolve(speakJson(message.value));
        break;
      case 'err':
        this.#refuse(message.id, toError(message.error));
        break;
      case 'notice':
        this.onNotice(speakJson(message.notice));
        break;
      case 'ended':
        this.#end(toError(message.error, message.log), message.next);
        break;
    }
  }

  #refuse(id: number, error: WalletError): void {
    const pending = this.#take(id);
    if (pending?.called.stack !== undefined)
      error.stack = `${error.name}: ${error.message}\n${pending.called.stack.replace(/^Error\n/, '')}`;
    pending?.reject(error);
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  /** Hears the host until it ends. It holds a lock named after its life; getting that lock means that it is dead. */
  #listen(life: string): void {
    this.#port.onmessage = ({ data }) => this.#receive(readToPage(data));
    const died = () => {
      this.#end(
        new WalletError(
          'walletCrashed',
          "The browser ended the wallet's engine: open the wallet again; it continues from what was saved.",
        ),
        this.#generation + 1,
      );
    };
    locks()
      .whenFree(lifeLock(life), this.#stop.signal)
      .then(died, () => {
        // Aborted: this link was closed before the host died.
      });
  }

  #end(error: WalletError, next: number, tell = true): void {
    if (this.#ended !== null) return;
    this.#ended = error;
    this.#release();
    for (const { reject, payment, begun } of this.#pending.values()) {
      reject(payment === null ? error : leftOpen(error, payment, begun));
    }
    this.#pending.clear();
    if (tell) this.onEnd({ error, next });
  }

  #release(): void {
    this.#stop.abort();
    // A `bye` just posted is still delivered: closing a port does not drop what was sent.
    this.#port.close();
    this.#started.release();
  }
}

/** Takes a lock that is held until `signal` aborts or this page dies, and returns its name. */
async function holdLife(signal: AbortSignal): Promise<string> {
  const life = crypto.randomUUID();
  const held = await locks().acquire(lifeLock(life), { timeout: 0 });
  signal.addEventListener('abort', () => held?.release(), { once: true });
  return life;
}

function silence(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const timer = setTimeout(
      () =>
        reject(
          new WalletError(
            'timeout',
            "The wallet's engine did not start: check the connection to this site, then reload the page.",
          ),
        ),
      HELLO_TIMEOUT_MS,
    );
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
  });
}
