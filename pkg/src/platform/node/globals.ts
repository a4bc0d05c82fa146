// Bindings that the engine's glue finds in place of Node's own globals: the build puts these bindings there.

/** A WebSocket as the WHATWG standard has it, as far as the engine uses it: binary frames, `bufferedAmount`, `on…` handlers. */
export interface WebSocketLike {
  /** Set to `arraybuffer`. */
  binaryType: string;
  /** Bytes that wait to be sent. */
  readonly bufferedAmount: number;
  /** The state, a number: 0 connecting, 1 open, 2 closing, 3 closed. */
  readonly readyState: number;
  /** Called before a close that was not asked for; `close` events tell the rest. */
  onerror: ((event: never) => void) | null;
  /** Sends one frame. */
  send(data: string | Uint8Array): void;
  /** Closes with a status `code` (1000 or 3000 to 4999) and a reason. */
  close(code?: number, reason?: string): void;
}

/** Makes a {@link WebSocketLike} to a `ws:` or `wss:` address: the `WebSocket` of the package `ws`, or of Node.js 22. */
export type WebSocketConstructor = new (url: string) => WebSocketLike;

/** A timer that does not keep the process alive: the open wallet's message port does, until it is closed. */
export const setTimeout = (work: () => void, ms?: number): object => globalThis.setTimeout(work, ms).unref();

/** Reports what a listener threw as uncaught: Node.js lacks the browsers' function for it. */
export function reportError(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

/** The one that `init` was given, or the host's own. */
export let WebSocket: WebSocketConstructor | undefined;

/** Gives the engine a WebSocket. */
export function useWebSocket(given: WebSocketConstructor | undefined): void {
  // An error that nobody hears ends the process (package `ws`); the close event that follows it is heard.
  const heard = (made: WebSocketLike): WebSocketLike => Object.assign(made, { onerror: () => undefined });
  WebSocket = given && new Proxy(given, { construct: (target, [url]: [string]) => heard(new target(url)) });
}
