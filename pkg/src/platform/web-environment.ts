// The conditions under which a web page can hold a wallet.

import { WalletError } from '../base/error.ts';

/**
 * Throws `notAllowedHere` where there is no page, and names the entry of the package that is for there.
 * @throws {WalletError} `notAllowedHere`
 */
export function checkPlace(): void {
  if (typeof window === 'undefined')
    throw new WalletError(
      'notAllowedHere',
      "This needs a browser's page: call it in the browser, not while rendering on a server (in Node.js import `amplet/node`) and not in a worker (`amplet/worker`).",
    );
}

/**
 * Throws `notAllowedHere`, with the reason, where no wallet can be held.
 * @throws {WalletError} `notAllowedHere`
 */
export function checkEnvironment(): void {
  checkPlace();
  const reason = whyNot();
  if (reason !== null) throw new WalletError('notAllowedHere', reason);
}

/**
 * Asks the browser to keep this origin's storage. Without that, Chromium deletes all of it when the disk is full. Only a
 * page can ask; some browsers put the question to the user, so nothing waits for the answer.
 */
export async function keepStorage(): Promise<boolean> {
  try {
    return await navigator.storage.persist();
  } catch {
    return false; // no such API, or not allowed here: the same as a refusal
  }
}

function whyNot(): string | null {
  if (!globalThis.isSecureContext) {
    return 'This page was loaded insecurely, so the browser withholds what a wallet needs: open it over https, or as http://localhost.';
  }
  if (globalThis.origin === 'null') {
    return 'This page has no origin of its own (a sandboxed frame or a file), so nothing could be stored: open it from a web server, in a tab of its own.';
  }
  if (isInForeignFrame()) {
    return 'This page is embedded in a page of another site, where storage is separate and short-lived: open the wallet in a tab of its own.';
  }
  return missingParts(['locks', 'indexedDB', 'Worker', 'WebAssembly']);
}

const PARTS = {
  locks: ['Web Locks', () => typeof navigator.locks === 'undefined'],
  indexedDB: ['IndexedDB', () => typeof indexedDB === 'undefined'],
  Worker: ['workers', () => typeof Worker === 'undefined'],
  WebAssembly: ['WebAssembly', () => typeof WebAssembly === 'undefined'],
} as const;

/** Says which of these the browser lacks, and what to do; `null`: none. */
export function missingParts(parts: readonly (keyof typeof PARTS)[]): string | null {
  const missing = parts.flatMap((part) => (PARTS[part][1]() ? [PARTS[part][0]] : []));
  if (missing.length === 0) return null;
  return `This browser lacks ${missing.join(', ')}: update it, or leave its private or lockdown mode.`;
}

function isInForeignFrame(): boolean {
  for (let frame: Window = window; frame !== frame.parent;) {
    frame = frame.parent;
    try {
      if (frame.location.origin !== location.origin) return true;
    } catch {
      return true; // a page of another origin does not let us read its location
    }
  }
  return false;
}
