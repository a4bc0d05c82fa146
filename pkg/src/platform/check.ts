// Each platform is whole: nothing here but types.

import type { Platform } from './contract.ts';

type Whole<T extends Platform> = T;

/** Fails to compile when a platform lacks something. */
export type Platforms = [
  Whole<typeof import('./web.ts')>,
  Whole<typeof import('./inline.ts')>,
  Whole<typeof import('./worker.ts')>,
];
