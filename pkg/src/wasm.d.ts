/**
 * The value of the import is up to the bundler: its address, a module or its exports. Without a bundler, or to be
 * sure, take its address: `new URL('amplet/engine.wasm', import.meta.url)` in webpack, `import url from 'amplet/engine.wasm?url'`
 * in Vite, `import.meta.resolve('amplet/engine.wasm')` in Node.js; and hand it to `init`.
 */
declare const wasm: unknown;
export default wasm;
