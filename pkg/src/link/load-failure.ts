// Reasons for which a part of the package did not load: a policy, a missing file, a web page in its place.

import { describe, WalletError } from '../base/error.ts';
import type { WasmInput } from './wasm-source.ts';

/** The remedy for a file that does not lie where it is looked for. */
const SERVE =
  "serve the package's *.wasm and *.worker.js beside its script, give `init` the address, or import `amplet/inline`";

/**
 * The error of wasm that did not load from `source`; what an address answers is looked at again.
 * @param what the part, as a sentence begins with it
 */
export async function wasmFailure(what: string, source: WasmInput | URL, error: unknown): Promise<WalletError> {
  if (error instanceof WalletError) return error;
  const causes = [describe(error)];
  // Chromium, Firefox and Safari each say it in words of their own.
  if (/content security policy|unsafe-eval|\bcsp\b|disallowed by embedder/i.test(causes[0]!)) {
    const message =
      "This page's Content-Security-Policy does not allow WebAssembly: add 'wasm-unsafe-eval' to its script-src.";
    return new WalletError('notAllowedHere', message, causes);
  }
  const url = typeof source === 'string' || source instanceof URL ? String(source) : null;
  const wrong =
    (url === null ? null : await fileFault(url, 'wasm')) ??
    `${url ?? 'the wasm that `init` was given'} is not the file of this package and version`;
  return new WalletError('internal', `${what} could not be loaded: ${wrong}.`, causes);
}

/** Says what is wrong with the answer of an address, and the remedy; `null`: it holds a file of this kind. */
export async function fileFault(url: string, kind: 'wasm' | 'script'): Promise<string | null> {
  try {
    const response = await fetch(url);
    if (!response.ok) return `${url} answers ${response.status}; ${SERVE}`;
    const type = response.headers.get('content-type') ?? '';
    const start = new TextDecoder().decode(new Uint8Array(await response.arrayBuffer()).subarray(0, 64));
    if (/^\s*<(!doctype|html)/i.test(start) || (kind === 'script' && type.startsWith('text/html')))
      return `${url} answers with a web page instead of the file (a server's start page, perhaps); ${SERVE}`;
    if (kind === 'wasm' && !start.startsWith('\0asm')) return `${url} holds no wasm; ${SERVE}`;
    return null;
  } catch {
    return `${url} cannot be reached; check the connection, and connect-src in the page's Content-Security-Policy`;
  }
}
