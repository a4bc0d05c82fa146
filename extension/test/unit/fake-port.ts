/** A port of `chrome.runtime`, seen from one end; the test is the other. */

type Listener<T> = (message: T) => void;

export class FakePort {
  readonly posted: unknown[] = [];
  readonly #listeners: Listener<unknown>[] = [];
  readonly #ends: (() => void)[] = [];
  disconnected = false;
  readonly onMessage = { addListener: (listener: Listener<never>) => void this.#listeners.push(listener as never) };
  readonly onDisconnect = { addListener: (listener: () => void) => void this.#ends.push(listener) };
  readonly sender: unknown;
  readonly name: string;

  constructor(name = '', sender?: unknown) {
    this.name = name;
    this.sender = sender;
  }

  postMessage(message: unknown): void {
    this.posted.push(message);
  }

  disconnect(): void {
    this.disconnected = true;
  }

  /** The other end says something. */
  receive(message: unknown): void {
    for (const listener of this.#listeners) listener(message);
  }

  /** The other end goes. */
  end(): void {
    for (const listener of this.#ends) listener();
  }

  /** As the code under test takes it. */
  get port(): chrome.runtime.Port {
    return this as unknown as chrome.runtime.Port;
  }
}
