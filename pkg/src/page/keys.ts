export { deriveKey } from '../platform.ts';
export type { Derived } from '../platform/contract.ts';
