// The worker that hosts a wallet's engine: a SharedWorker's script and, where there is none, a Worker's.

import { VERSION } from '../base/protocol.ts';
import { hostsChannel, parseWorkerName } from '../link/names.ts';
import { RELEASE } from '../link/release.ts';
import { EngineHost } from './host.ts';
import { loadEngine } from './load.ts';
import { webLocks } from './web-locks.ts';

/** Both kinds of worker scope, as far as they are used; TypeScript's libraries for them exclude the page's. */
declare const self: {
  readonly name: string;
  readonly location: Location;
  onconnect: ((event: MessageEvent) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  addEventListener(
    type: 'error' | 'unhandledrejection',
    listener: (event: ErrorEvent | PromiseRejectionEvent) => void,
  ): void;
  close(): void;
};

function startHost(): Promise<EngineHost> | null {
  const named = parseWorkerName(self.name);
  if (named === null) return null;
  const shared = 'onconnect' in self;
  return EngineHost.start({
    name: named.name,
    info: {
      id: crypto.randomUUID(),
      version: VERSION,
      release: RELEASE,
      script: self.location.href,
      generation: named.generation,
      shared,
    },
    locks: webLocks(navigator.locks),
    bus: new BroadcastChannel(hostsChannel(named.name)),
    load: loadEngine,
    exit: () => self.close(),
  });
}

const host = startHost();

const connect = (event: MessageEvent): void => {
  const port = event.ports[0];
  if (port !== undefined) void host?.then((running) => running.connect(port));
};
// The first page's port comes before the host has started; its messages wait in the port.
self.onconnect = connect;
self.onmessage = connect;

// A trap in a task of the engine's own surfaces here, after the abort handler was called.
const uncaught = (event: ErrorEvent | PromiseRejectionEvent): void => {
  const error: unknown = 'reason' in event ? event.reason : event.error;
  if (error instanceof WebAssembly.RuntimeError) void host?.then((running) => running.crash(error));
};
self.addEventListener('error', uncaught);
self.addEventListener('unhandledrejection', uncaught);
