/** `window.webln`: what a page calls, handed to the host. Tiny on purpose, and trusted with nothing. */

import { isSecureOrigin } from '../origin.ts';
import { toHex } from '../proof.ts';
import { WIRE_VERSION, type Json, type SiteCall, type SiteEvent, type SiteMethod, type SiteReply } from '../wire.ts';
import { errorClasses, toSiteError } from './page-errors.ts';

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
  readonly info: Omit<ProviderInfo, 'uuid'> & { readonly uuid?: string };
  /** Window at which `webln` is put and events are dispatched; by default the page's window. */
  readonly target?: Window;
}

/** Called at an event, with its detail. */
type Listener = (...detail: unknown[]) => void;

/**
 * WebLN (webln.guide) whole. Every method rejects with an error named as those of the npm package `webln`. Methods other than
 * `enable`, `isEnabled`, `on` and `off` reject with `RejectionError` while the user has not enabled this site. What answers
 * hold is what the guide says of each.
 */
export interface Webln {
  /** Asks the user, once for each site, whether it may use the wallet. */
  enable(): Promise<unknown>;
  /** Returns whether the user has enabled this site. Asks nobody. */
  isEnabled(): Promise<unknown>;
  /** The node and what it can do. */
  getInfo(): Promise<unknown>;
  /** Returns what is left in the site's budget or, without one and when the user agrees, in the wallet; in sat. */
  getBalance(): Promise<unknown>;
  /** An invoice to be paid by the site: an amount in sat, or what the user may choose from. */
  makeInvoice(args: unknown): Promise<unknown>;
  /** Pays a BOLT 11 invoice and resolves with the proof, when there is one. */
  sendPayment(paymentRequest: unknown): Promise<unknown>;
  /** Pays a BOLT 11 invoice and resolves when the payment is under way, with no proof. */
  sendPaymentAsync(paymentRequest: unknown): Promise<unknown>;
  /** Pays a node without an invoice. */
  keysend(args: unknown): Promise<unknown>;
  /** Signs a text with the node's key; the user is asked each time. */
  signMessage(message: unknown): Promise<unknown>;
  /** Shows the user who signed a text. */
  verifyMessage(signature: unknown, message: unknown): Promise<unknown>;
  /** Pays, withdraws or logs in by LNURL. */
  lnurl(lnurl: unknown): Promise<unknown>;
  /** Returns whether an invoice of this site's is paid. */
  lookupInvoice(args: unknown): Promise<unknown>;
  /** Methods beyond WebLN, by name; `getInfo().methods` lists them. */
  request(method: unknown, params?: unknown): Promise<unknown>;
  /**
   * Has `listener` called at each `accountChanged` (or `stream`, or `lost`: the wallet went away, and is asked again by the
   * next call).
   */
  on(event: string, listener: Listener): void;
  /** Ends {@link Webln.on}. */
  off(event: string, listener: Listener): void;
}

/** No method needs its `this`: libraries detach them and wrap the provider. */
function makeWebln(
  call: (method: SiteMethod, params: object) => Promise<unknown>,
  listeners: Map<string, Set<Listener>>,
): Webln {
  return Object.freeze({
    enable: () => call('enable', {}),
    isEnabled: () => call('isEnabled', {}),
    getInfo: () => call('getInfo', {}),
    getBalance: () => call('getBalance', {}),
    makeInvoice: (args: unknown) =>
      call('makeInvoice', typeof args === 'object' && args !== null ? args : { amount: args }),
    sendPayment: (paymentRequest: unknown) => call('sendPayment', { paymentRequest }),
    sendPaymentAsync: (paymentRequest: unknown) => call('sendPaymentAsync', { paymentRequest }),
    keysend: (args: unknown) => call('keysend', Object(args)),
    signMessage: (message: unknown) => call('signMessage', { message }),
    verifyMessage: (signature: unknown, message: unknown) => call('verifyMessage', { signature, message }),
    lnurl: (lnurl: unknown) => call('lnurl', { lnurl }),
    lookupInvoice: (args: unknown) => call('lookupInvoice', Object(args)),
    request: (method: unknown, params: unknown = null) => call('request', { method, params }),
    on: (event: string, listener: Listener) => {
      const all = listeners.get(event) ?? new Set();
      listeners.set(event, all.add(listener));
    },
    off: (event: string, listener: Listener) => void listeners.get(event)?.delete(listener),
  });
}

/**
 * Makes the provider, puts it at `window.webln` unless another wallet is there already, and announces it, now and whenever a
 * page asks with `webln:requestProvider`. The provider is frozen; `window.webln` itself stays assignable, because libraries
 * put their own there, and a page that rewrites it harms only itself. Pages that no wallet serves (not https nor this machine, or
 * sandboxed) do not see that there is one.
 */
export function installWebln({ transport, info, target = window }: InstallOptions): Webln {
  const listeners = new Map<string, Set<Listener>>();
  const calls = connect(transport, listeners);
  let told = false;
  const call = async (method: SiteMethod, params: object): Promise<unknown> => {
    const result = await calls(method, params);
    if (method === 'enable' && !told) {
      told = true;
      target.document.dispatchEvent(new CustomEvent('webln:enabled', { bubbles: true }));
    }
    return result;
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
