/** Ports of frames as the browser makes them. */

import { FakePort } from './fake-port.ts';

export interface Place {
  origin?: string;
  topLevel?: string;
  documentLifecycle?: string;
}

/** Port of a frame: of the page itself, or of another site in it. */
export function framePort({
  origin = 'https://a.example',
  topLevel = origin,
  documentLifecycle = 'active',
}: Place = {}): FakePort {
  const frameId = origin === topLevel ? 0 : 3;
  return new FakePort('site', { tab: { id: 1, url: `${topLevel}/` }, frameId, origin, documentLifecycle });
}

/** Lets everything go on that can. */
export async function settle(): Promise<void> {
  for (let times = 0; times < 50; times += 1) await Promise.resolve();
}
