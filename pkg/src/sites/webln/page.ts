/** `window.webln`: what a page calls, handed to the host. Tiny on purpose, and trusted with nothing. */

import { having, must, OBJECT } from '../../base/kinds.ts';
import { named, type Names } from '../../base/named.ts';
import { isSecureOrigin } from '../origin.ts';
import { toHex } from '../proof.ts';
import { WIRE_VERSION, type Json, type SiteCall, type SiteEvent, type SiteMethod, type SiteReply } from '../wire.ts';
import { WINDOW } from './window.ts';
import { errorClasses, toSiteError } from './page-errors.ts';
import type { InvoiceArgs, KeysendArgs, Listener, LookupArgs, Webln } from './types.ts';

/** Carries messages between this page and the host. */
export interface PageTransport {
  /** Sends a call to the host. */
  post(call: SiteCall): void;
  /** Has `receive` called with all that the host sends. Called once. */
  listen(receive: (message: SiteReply | SiteEvent) => void): void;
}

/** The wallet as it announces itself (compare EIP-6963). */
export interface ProviderInfo {
  /** A fresh UUID (version 4) for each page load. */
  readonly uuid: string;
  /** For people. */
  readonly name: string;
  /** A square picture as a data URI. */
  readonly icon: string;
  /** The wallet's domain, reversed, such as `org.amplet`. */
  readonly rdns: string;
}

/** `detail` of the `webln:announceProvider` event. */
export interface ProviderDetail {
  /** Description of the wallet. */
  readonly info: ProviderInfo;
  /** The provider that pages call. */
  readonly provider: Webln;
}

/** Parts and options of {@link installWebln}. */
export interface InstallOptions {
  /** Carries what is called, and the answers. */
  readonly transport: PageTransport;
  /** Announcement of the wallet; `uuid` is made when left out. */
  readonly info: Omit<ProviderInfo, 'uuid'> & { readonly uuid?: string | undefined };
  /** Window at which `webln` is put and events are dispatched; by default the page's window. */
  readonly target?: Window | undefined;
}

const INSTALL: Names<InstallOptions> = {
  transport: having('what carries calls, such as `windowTransport()`', 'post', 'listen'),
  info: OBJECT,
  target: true,
};
const REQUIRED = ['transport', 'info'] as const;

/** No method needs its `this`: libraries detach them and wrap the provider. */
function makeWebln(
  call: <T>(method: SiteMethod, params: object) => Promise<T>,
  listeners: Map<string, Set<Listener>>,
): Webln {
  const provider: Webln = {
    enable: () => call('enable', {}),
    isEnabled: () => call('isEnabled', {}),
    getInfo: () => call('getInfo', {}),
    getBalance: () => call('getBalance', {}),
    makeInvoice: (args?: InvoiceArgs) =>
      call('makeInvoice', typeof args === 'object' && args !== null ? args : { amount: args }),
    sendPayment: (paymentRequest: string) => call('sendPayment', { paymentRequest }),
    sendPaymentAsync: (paymentRequest: string) => call('sendPaymentAsync', { paymentRequest }),
    keysend: (args: KeysendArgs) => call('keysend', Object(args)),
    signMessage: (message: string) => call('signMessage', { message }),
    verifyMessage: (signature: string, message: string) => call('verifyMessage', { signature, message }),
    lnurl: (lnurl: string) => call('lnurl', { lnurl }),
    lookupInvoice: (args: LookupArgs) => call('lookupInvoice', Object(args)),
    request: (method: string, params: unknown = null) => call('request', { method, params }),
    on: (event: string, listener: Listener) => {
      const all = listeners.get(event) ?? new Set();
      listeners.set(event, all.add(listener));
    },
    off: (event: string, listener: Listener) => void listeners.get(event)?.delete(listener),
  };
  return Object.freeze(provider);
}

/**
 * Makes the provider, puts it at `window.webln` unless another wallet is there already, and announces it, now and whenever a
 * page asks with `webln:requestProvider`. The provider is frozen; `window.webln` itself stays assignable, because libraries
 * put their own there, and a page that rewrites it harms only itself. Pages that no wallet serves (not https nor this machine, or
 * sandboxed) do not see that there is one.
 * @throws {WalletError} `invalidInput`
 */
export function installWebln(options: InstallOptions): Webln {
  const { transport, info, target = globalThis.window } = named('installWebln', options, INSTALL, REQUIRED);
  must('target', target, WINDOW);
  const listeners = new Map<string, Set<Listener>>();
  const calls = connect(transport, listeners);
  let told = false;
  const call = async <T>(method: SiteMethod, params: object): Promise<T> => {
    const result = await calls(method, params);
    if (method === 'enable' && !told) {
      told = true;
      target.document.dispatchEvent(new CustomEvent('webln:enabled', { bubbles: true }));
    }
    // The host is of the same release: what it answers is not checked again.
    return result as T;
  };
  const provider = makeWebln(call, listeners);
  if (!isSecureOrigin(target.origin)) return provider;
  const mine = !('webln' in target);
  if (mine)
    Object.defineProperty(target, 'webln', { value: provider, writable: true, configurable: true, enumerable: true });
  const detail = Object.freeze({ info: Object.freeze({ uuid: randomUuid(), ...info }), provider });
  const announce = () => target.dispatchEvent(new CustomEvent('webln:announceProvider', { detail }));
  target.addEventListener('webln:requestProvider', announce);
  announce();
  // It bubbles, so listeners on the window hear it as well.
  if (mine) target.document.dispatchEvent(new CustomEvent('webln:ready', { bubbles: true }));
  return provider;
}

/** Version 4 (RFC 9562); `crypto.randomUUID` is missing on plain http pages. */
function randomUuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = toHex(bytes);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** Sends calls and brings their answers back. */
function connect(transport: PageTransport, listeners: ReadonlyMap<string, ReadonlySet<Listener>>) {
  const classes = errorClasses();
  const waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  let last = 0;
  const lost = () => {
    const message = 'The wallet went away before it answered. Ask again: nothing is paid twice.';
    for (const { reject } of waiting.values()) reject(toSiteError(classes, { name: 'ConnectionError', message }));
    waiting.clear();
  };
  transport.listen((message) => {
    if (message?.amplet !== WIRE_VERSION) return;
    if ('event' in message) {
      if (message.event === 'lost') lost();
      // What one listener throws does not keep the others from hearing.
      for (const listener of listeners.get(message.event) ?? []) queueMicrotask(() => listener(message.detail));
      return;
    }
    const call = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.ok) call?.resolve(message.result ?? undefined);
    else call?.reject(toSiteError(classes, message.error));
  });
  return (method: SiteMethod, params: object): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const id = ++last;
      const call: SiteCall = { amplet: WIRE_VERSION, id, method, params: plain(params) };
      waiting.set(id, { resolve, reject });
      transport.post(call);
    });
}

/** A copy that crosses any border; a bigint as its digits. */
const plain = (value: object): Json =>
  JSON.parse(JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? String(part) : part))) as Json;
