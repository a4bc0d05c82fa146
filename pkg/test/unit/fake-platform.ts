// A `#platform` without a browser, over an {@link Origin}.

import { VERSION } from '../../src/base/protocol.ts';
import type { EngineHost } from '../../src/engine/host.ts';
import type { DerivedKey } from '../../src/link/kdf.ts';
import { RELEASE } from '../../src/link/release.ts';
import type { Origin } from './fakes.ts';

/** A page's origin, the hosts of its engines, and what its key derivation waits for. */
export interface FakePage {
  origin: Origin;
  hosts: EngineHost[];
  derive?: () => Promise<void>;
}

/** The host that is starting, by its origin: calls at the same time get the same. */
const starting = new WeakMap<Origin, Promise<EngineHost>>();

/** The platform of a page, which is asked for at each call: tests begin with a new one. */
export const fakePlatform = (page: () => FakePage): Record<string, unknown> => ({
  checkPlace: () => undefined,
  checkEnvironment: () => undefined,
  keepStorage: async () => true,
  locks: () => page().origin.locks,
  loadPage: async () => Promise.reject(new Error('no settings here')),
  loadWords: async () => ({ newMnemonic: () => 'abandon ability able' }),
  deriveKey: async (_: string, params: Uint8Array | null): Promise<DerivedKey> => {
    await page().derive?.();
    return { key: new Uint8Array(32).fill(7), params: params ?? new Uint8Array([1]) };
  },
  startHost: async () => {
    const { hosts, origin } = page();
    if (hosts[0] === undefined && !starting.has(origin))
      starting.set(origin, origin.host({ version: VERSION, release: RELEASE }));
    const host = hosts[0] ?? (await starting.get(origin)!);
    hosts[0] = host;
    starting.delete(origin);
    const { port1, port2 } = new MessageChannel();
    host.connect(port2);
    return { port: port1, failed: new Promise<never>(() => {}), wasm: null, release: () => undefined };
  },
});
