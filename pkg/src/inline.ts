/**
 * The same as `amplet`, in one script with its wasm and workers, for bundlers that emit no files. It is large, and loads all
 * at once; one tab at a time can open a wallet. Nothing happens at import.
 * @module amplet/inline
 */

export * from './index.ts';
