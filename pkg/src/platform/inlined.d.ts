/** Texts that scripts/build.mjs puts into `amplet/inline`: wasm as gzip in base64, workers as text. */
declare module 'amplet:inlined' {
  /** The engine's wasm. */
  export const engine: string;
  /** The page's wasm. */
  export const page: string;
  /** The mnemonics' wasm. */
  export const words: string;
  /** The engine's worker. */
  export const engineWorker: string;
  /** The throwaway worker of the key derivation. */
  export const kdfWorker: string;
}
