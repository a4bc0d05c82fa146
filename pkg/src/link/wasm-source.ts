// The source of a wasm module, when it is not fetched from beside this package.

import { describe, WalletError } from '../base/error.ts';

/**
 * A compiled wasm module (`WebAssembly.Module`), where the program's libraries of types know one: those of Node.js without the
 * browser's do not.
 */
export type WasmModule = typeof globalThis extends { WebAssembly: { Module: new (bytes: never) => infer Module } }
  ? Module
  : never;

/**
 * A wasm module of this package: its address, an answer that holds it, its bytes, or the module already compiled. The
 * files are `amplet/engine.wasm`, `amplet/page.wasm`, `amplet/words.wasm` and `amplet/node.wasm`.
 */
export type WasmSource = URL | string | Response | PromiseLike<Response> | ArrayBuffer | ArrayBufferView | WasmModule;

/** A source in the form that a message to a worker can carry. */
export type WasmInput = string | WasmBytes | WasmModule;

/** Bytes of their own. TypeScript had no types for what bytes lie in until 5.7. */
type WasmBytes = ReturnType<Uint8Array['slice']>;

/**
 * Reads a source.
 * @throws {WalletError} `invalidInput` when it is nothing of the kind, or an answer that is no success
 */
export async function toInput(name: string, source: WasmSource): Promise<WasmInput> {
  const given: unknown = await source;
  if (typeof given === 'string') return given;
  if (given instanceof URL) return given.href;
  if (given instanceof WebAssembly.Module) return given;
  if (given instanceof ArrayBuffer) return new Uint8Array(given.slice(0));
  if (ArrayBuffer.isView(given)) return new Uint8Array(given.buffer, given.byteOffset, given.byteLength).slice();
  if (typeof Response !== 'undefined' && given instanceof Response) return read(name, given);
  throw new WalletError('invalidInput', `\`${name}\` is a URL, a Response, bytes or a WebAssembly.Module.`);
}

async function read(name: string, response: Response): Promise<WasmInput> {
  if (!response.ok) {
    throw new WalletError(
      'invalidInput',
      `\`${name}\` is an answer with status ${response.status}: check its address (${response.url}).`,
    );
  }
  try {
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    throw new WalletError(
      'invalidInput',
      `\`${name}\` is an answer that cannot be read: give it unread, and check the connection.`,
      [describe(error)],
    );
  }
}

/** Returns whether `value` is a {@link WasmInput}. */
export function isInput(value: unknown): value is WasmInput {
  return typeof value === 'string' || value instanceof Uint8Array || value instanceof WebAssembly.Module;
}
