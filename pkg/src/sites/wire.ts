/**
 * The messages between a page and the wallet's host: the page's script sends {@link SiteCall}s, the host answers each with
 * a {@link SiteReply} and tells of what happens with {@link SiteEvent}s. All of it is JSON, so that it crosses
 * `window.postMessage` and extension ports alike; amounts in millisatoshi are decimal strings (`"1000"`).
 *
 * Nothing in a message says who sent it: the host learns the {@link Sender} from the browser.
 */

/** A JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** Version of these messages; both sides ignore others. */
export const WIRE_VERSION = 1;

/** Errors that a page sees: the class names of the npm package `webln`. */
export type SiteErrorName =
  /** The user or the budget said no, or the site was never enabled. */
  | 'RejectionError'
  /** The wallet cannot be reached: locked, offline, restarting. What was asked for may have happened. */
  | 'ConnectionError'
  /** There is no such method. */
  | 'UnsupportedMethodError'
  /** The payment found no route; no funds were sent. */
  | 'RoutingError'
  /** An argument makes no sense, or an invoice cannot be paid. */
  | 'InvalidDataError'
  /** A defect in the wallet. */
  | 'InternalError';

/**
 * Code of an error, where its name is not enough. `busy`: too many calls at once; nothing was done, ask again. `moved`: another device
 * has the wallet. `insufficientBalance`: it has less money than this costs, which the user has seen; nothing was paid.
 */
export type SiteErrorCode = 'busy' | 'moved' | 'insufficientBalance';

/** An error as it crosses. The message is in English, and says nothing of the wallet that the page need not know. */
export interface SiteError {
  /** The class. */
  readonly name: SiteErrorName;
  /** Description of the error. */
  readonly message: string;
  /** For programs, where the class is not enough. */
  readonly code?: SiteErrorCode | undefined;
}

/** A page calls. */
export interface SiteCall {
  /** The version of these messages. */
  readonly amplet: typeof WIRE_VERSION;
  /** The page's own number for this call; the reply carries this id. */
  readonly id: number;
  /** One of {@link SiteMethod}; others are answered with `UnsupportedMethodError`. */
  readonly method: string;
  /** Arguments by name; see {@link SiteParams}. */
  readonly params: Json;
}

/** Arguments of each method. WebLN amounts are in sat, a number or a decimal string. */
export interface SiteParams {
  /** Nothing. */
  readonly enable: Record<string, never>;
  /** Nothing. */
  readonly isEnabled: Record<string, never>;
  /** Nothing. */
  readonly getInfo: Record<string, never>;
  /** Nothing. */
  readonly getBalance: Record<string, never>;
  /**
   * A fixed `amount`, or what the user chooses from: `defaultAmount`, `minimumAmount`, `maximumAmount`, all in whole sat; 0 and `null`
   * are as if left out; `defaultMemo`.
   */
  readonly makeInvoice: {
    readonly amount?: string | number | null | undefined;
    readonly defaultAmount?: string | number | null | undefined;
    readonly minimumAmount?: string | number | null | undefined;
    readonly maximumAmount?: string | number | null | undefined;
    readonly defaultMemo?: string | null | undefined;
  };
  /** `paymentRequest`: BOLT 11. */
  readonly sendPayment: { readonly paymentRequest: string };
  /** `paymentRequest`: BOLT 11. */
  readonly sendPaymentAsync: { readonly paymentRequest: string };
  /** `destination`: node id in hex; `amount` in sat; `customRecords`: texts by TLV type, numbers as their text. */
  readonly keysend: {
    readonly destination: string;
    readonly amount: string | number;
    readonly customRecords?: { readonly [type: string]: string | number };
  };
  /** `message`: the text. */
  readonly signMessage: { readonly message: string };
  /** `signature` in zbase32, and the `message`. */
  readonly verifyMessage: { readonly signature: string; readonly message: string };
  /** `lnurl`: in any of its forms, or a Lightning address. */
  readonly lnurl: { readonly lnurl: string };
  /** `paymentRequest` (BOLT 11) or `paymentHash` (hex). */
  readonly lookupInvoice: { readonly paymentRequest?: string; readonly paymentHash?: string };
  /** The `method`'s name and what it takes, `params`. */
  readonly request: { readonly method: string; readonly params?: Json };
}

/** Name of a method that a page can call. */
export type SiteMethod = keyof SiteParams;

/** The answer to one call: `amplet` is the version, `id` the call's number; a `result` when it is `ok`, an `error` otherwise. */
export type SiteReply =
  | { readonly amplet: typeof WIRE_VERSION; readonly id: number; readonly ok: true; readonly result: Json }
  | { readonly amplet: typeof WIRE_VERSION; readonly id: number; readonly ok: false; readonly error: SiteError };

/** A notice of the host to a page. */
export interface SiteEvent {
  /** The version of these messages. */
  readonly amplet: typeof WIRE_VERSION;
  /** Name of the event. */
  readonly event:
    /** Another wallet is used from now on: what `getInfo` said is no longer so. */
    | 'accountChanged'
    /** A stream of this page changed; `detail` is a {@link StreamReport}. */
    | 'stream'
    /**
     * The host went away: calls that wait get no answer, and streams wait until they are started again. Sent by what
     * carries the messages.
     */
    | 'lost';
  /** Details, by the event's name. */
  readonly detail: Json;
}

/** State of a stream of payments. */
export type StreamReport = {
  /** The wallet's own name for the stream. */
  readonly streamId: string;
  /** The site's name for the session that is paid for. */
  readonly sessionId: string;
  /** `running`, `paused` or `stopped`; a stopped one stays so. */
  readonly state: 'running' | 'paused' | 'stopped';
  /**
   * Reason for which it does not run; `null` while it does, and after its end: the `site` or the `user` paused it, its page is
   * `hidden`, the
   * wallet is `offline`, its `budget` refuses or asks, its money does not suffice (`balance`) or payments are `failing` (of both it
   * tries again by itself), or the site waits for its money (`credit`).
   */
  readonly reason: 'site' | 'user' | 'hidden' | 'offline' | 'budget' | 'balance' | 'failing' | 'credit' | null;
  /** Amount that the site has received, fees not counted, in millisatoshi. */
  readonly paidMsat: string;
  /** Amount used that has not reached the site, in millisatoshi. */
  readonly owedMsat: string;
};

/** Sender of a call, as the browser reports it (`MessageSender` of an extension's port). */
export interface Sender {
  /** Origin of the frame that called, such as `https://shop.example`. */
  readonly origin: string;
  /** Origin of the page in the address bar; the same but for frames of other sites. */
  readonly topLevelOrigin: string;
  /** The browser's id of the tab. */
  readonly tabId: number;
  /** The browser's id of the frame in that tab; 0 is the page itself. */
  readonly frameId: number;
}

/** Returns whether `value` has the form of a call. What it asks for is judged by the host. */
export function isSiteCall(value: unknown): value is SiteCall {
  if (typeof value !== 'object' || value === null) return false;
  const { amplet, id, method } = value as Partial<Record<keyof SiteCall, unknown>>;
  return amplet === WIRE_VERSION && Number.isSafeInteger(id) && typeof method === 'string';
}
