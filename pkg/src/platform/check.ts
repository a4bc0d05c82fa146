// Each platform is whole: nothing here but types.

import type { BrowserPlatform } from './contract.ts';

type Whole<T extends BrowserPlatform> = T;

/** Fails to compile when a platform lacks something. */
export type Platforms = [
  Whole<typeof import('./web.ts')>,
  Whole<typeof import('./inline.ts')>,
  Whole<typeof import('./worker.ts')>,
];
