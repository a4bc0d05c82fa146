// As platform/check.ts, for the platform that needs Node's types.

import type { Platform } from '../contract.ts';

type Whole<T extends Platform> = T;

/** Fails to compile when the platform lacks something. */
export type Node = Whole<typeof import('./platform.ts')>;
