/** WebLN (webln.guide) as a page sees it. */

import type { Json } from '../wire.ts';

/** Called at an event, with its detail. */
export type Listener = (...detail: unknown[]) => void;

/** Amount in sat, a whole number in any form. */
export type Sat = string | number | bigint;

/** What `makeInvoice` takes: an amount, in sat, or what the user may choose from. 0, `null` and nothing leave it to the user. */
export type InvoiceArgs =
  | Sat
  | null
  | undefined
  | {
      /** The amount, in sat. */
      readonly amount?: Sat | null | undefined;
      /** What the user is shown first, in sat. */
      readonly defaultAmount?: Sat | null | undefined;
      /** Least that the user may choose, in sat. */
      readonly minimumAmount?: Sat | null | undefined;
      /** Most that the user may choose, in sat. */
      readonly maximumAmount?: Sat | null | undefined;
      /** What the payer reads. */
      readonly defaultMemo?: string | null | undefined;
    };

/** What `keysend` takes. */
export interface KeysendArgs {
  /** The payee's node id, in hex. */
  readonly destination: string;
  /** In sat. */
  readonly amount: Sat;
  /** Texts for the payee, by the TLV type's number, from 65536 on. */
  readonly customRecords?: Readonly<Record<string, string | number>> | undefined;
}

/** What `lookupInvoice` takes: one of them. */
export interface LookupArgs {
  /** The invoice (BOLT 11). */
  readonly paymentRequest?: string | undefined;
  /** Its payment hash, in hex. */
  readonly paymentHash?: string | undefined;
}

/** What `enable` answers. */
export interface Enabled {
  /** True: otherwise it rejects. */
  readonly enabled: boolean;
  /** True: the user is not asked again. */
  readonly remember: boolean;
}

/** What `getInfo` answers. */
export interface NodeInfo {
  /** The wallet's node. */
  readonly node: {
    /** A name for it. */
    readonly alias: string;
    /** Its id (BOLT 1): hex. */
    readonly pubkey: string;
    /** A colour of its own: `#rrggbb`. */
    readonly color: string;
  };
  /** The wallet's version. */
  readonly version: string;
  /** The networks of payment that it has. */
  readonly supports: readonly string[];
  /** Names of its methods, those of `request` included. */
  readonly methods: readonly string[];
}

/** What `getBalance` answers. */
export interface SiteBalance {
  /** In sat. */
  readonly balance: number;
  /** The unit: `sats`. */
  readonly currency: string;
}

/** What `makeInvoice` answers. */
export interface MadeInvoice {
  /** The invoice (BOLT 11). */
  readonly paymentRequest: string;
  /** Its payment hash, in hex. */
  readonly rHash: string;
}

/** What `sendPayment` and `keysend` answer. */
export interface SentPayment {
  /** The proof of payment, in hex. */
  readonly preimage: string;
  /** In hex. */
  readonly paymentHash: string;
}

/** What `signMessage` answers. */
export interface SignedText {
  /** The text. */
  readonly message: string;
  /** Its signature (zbase32). */
  readonly signature: string;
}

/** What `lnurl` answers. */
export type LnurlAnswer =
  | {
      readonly status: 'OK';
      /** What was paid, or signed: `preimage`, `paymentHash`, `paymentRequest`, or `message`, `signature`; left out of a withdrawal. */
      readonly data?: Readonly<Record<string, Json>> | undefined;
    }
  | {
      readonly status: 'ERROR';
      /** What the service says. */
      readonly reason: string;
    };

/** What `lookupInvoice` answers. */
export interface FoundInvoice {
  /** The invoice (BOLT 11). */
  readonly paymentRequest: string;
  /** True when it is paid. */
  readonly paid: boolean;
  /** The proof of payment, in hex, where there is one. */
  readonly preimage?: string | undefined;
}

/**
 * WebLN (webln.guide) whole. Every method rejects with an error named as those of the npm package `webln`. Methods other than
 * `enable`, `isEnabled`, `on` and `off` reject with `RejectionError` while the user has not enabled this site. What answers
 * hold is what the guide says of each.
 */
export interface Webln {
  /** Asks the user, once for each site, whether it may use the wallet. */
  enable(): Promise<Enabled>;
  /** Returns whether the user has enabled this site. Asks nobody. */
  isEnabled(): Promise<boolean>;
  /** The node and what it can do. */
  getInfo(): Promise<NodeInfo>;
  /** Returns what is left in the site's budget or, without one and when the user agrees, in the wallet; in sat. */
  getBalance(): Promise<SiteBalance>;
  /** An invoice to be paid by the site: an amount in sat, or what the user may choose from. */
  makeInvoice(args?: InvoiceArgs): Promise<MadeInvoice>;
  /** Pays a BOLT 11 invoice and resolves with the proof, when there is one. */
  sendPayment(paymentRequest: string): Promise<SentPayment>;
  /** Pays a BOLT 11 invoice and resolves when the payment is under way, with no proof. */
  sendPaymentAsync(paymentRequest: string): Promise<Record<string, never>>;
  /** Pays a node without an invoice. */
  keysend(args: KeysendArgs): Promise<SentPayment>;
  /** Signs a text with the node's key; the user is asked each time. */
  signMessage(message: string): Promise<SignedText>;
  /** Shows the user who signed a text. */
  verifyMessage(signature: string, message: string): Promise<void>;
  /** Pays, withdraws or logs in by LNURL. */
  lnurl(lnurl: string): Promise<LnurlAnswer>;
  /** Returns whether an invoice of this site's is paid. */
  lookupInvoice(args: LookupArgs): Promise<FoundInvoice>;
  /** Methods beyond WebLN, by name; `getInfo().methods` lists them. */
  request(method: string, params?: unknown): Promise<Json | undefined>;
  /**
   * Has `listener` called at each `accountChanged` (or `stream`, or `lost`: the wallet went away, and is asked again by the
   * next call).
   */
  on(event: string, listener: Listener): void;
  /** Ends {@link Webln.on}. */
  off(event: string, listener: Listener): void;
}
