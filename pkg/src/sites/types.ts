/** The parts that the host of sites works with: the wallet, the user, the store. All of it is given to it. */

import { having, must, OBJECT, type Kind } from '../base/kinds.ts';
import type { CustomRecord } from '../base/protocol.ts';
import { isSecureOrigin } from './origin.ts';
import type { Json, Sender, StreamReport } from './wire.ts';

/** The site that asks: it is another one inside a frame of another site. */
export interface Site {
  /** Origin of the frame, such as `https://shop.example`. */
  readonly origin: string;
  /** Origin of the page in the address bar. */
  readonly topLevel: string;
}

/** State of a payment: `preimage`, in hex, is the proof of one that succeeded; `reason` says why one failed. */
export type Outcome =
  /** Paid; the preimage in hex. */
  | { readonly state: 'succeeded'; readonly preimage: string }
  | { readonly state: 'pending' }
  /** No funds were sent, or there is no such payment. */
  | {
      readonly state: 'failed';
      readonly reason: string;
      /** As in a `WalletError`, where the wallet gave one. */
      readonly code?: string | undefined;
    };

/** The budget that pays, and the purpose. */
export interface SiteAuthorization {
  /** The site, whose budget the wallet finds by it; or the user, who was asked and overruled what the budget allows. */
  readonly holder: ({ readonly kind: 'site' } & Site) | { readonly kind: 'user' };
  /** For the spending report. */
  readonly purpose?: string | undefined;
  /** The user was shown exactly this payment and allowed at most this, fee included, in millisatoshi. */
  readonly approvedMsat?: bigint | undefined;
  /**
   * Changes of the wallet's {@link SiteWallet.store}, made in the very transaction that begins the payment: what is kept of a payment
   * is there exactly when the payment is. When it is not begun, they are not made.
   */
  readonly records?: readonly StoreChange[] | undefined;
}

/** An invoice, read and checked by the wallet. */
export interface InvoiceDetails {
  /** BOLT 11, without scheme or white space: exactly this is paid. */
  readonly invoice: string;
  /** `null`: the payer chooses. */
  readonly amountMsat: bigint | null;
  /** In hex. */
  readonly paymentHash: string;
  /** Node id in hex. */
  readonly payee: string;
  /** Its description; empty when there is none. */
  readonly description: string;
  /** Milliseconds since the UNIX epoch. */
  readonly expiresMs: number;
  /** `mainnet`, `testnet4`, `signet` or `regtest`. */
  readonly network: string;
  /** Routing fee to be expected, in millisatoshi; `null`: not known, for want of a route or an amount. */
  readonly expectedFeeMsat: bigint | null;
  /** Maximum routing fee that the wallet would spend, in millisatoshi. */
  readonly maxFeeMsat: bigint;
  /** Reason for which it cannot be paid now; `null`: it can be tried. */
  readonly problem: WalletFailure | null;
}

/** Fee of a payment that is not made yet. */
export interface Quote {
  /** Fee to be expected, in millisatoshi; `null`: not known. */
  readonly expectedFeeMsat: bigint | null;
  /** Maximum fee, in millisatoshi. */
  readonly maxFeeMsat: bigint;
}

/** The wallet, as far as sites need it. Every method rejects with an error that has a `code` ({@link WalletFailure}). */
export interface SiteWallet {
  /** Store of what is kept about sites: whom the user enabled, whose payments are whose. Credentials are as good as money. */
  readonly store: Store;
  /** The node: its `alias`, `nodeId` in hex, and `network` (`mainnet`, `testnet4`, `signet` or `regtest`). */
  info(): Promise<{ readonly alias: string; readonly nodeId: string; readonly network: string }>;
  /** Returns the amount that can be sent now, in millisatoshi. */
  spendableMsat(): Promise<bigint>;
  /** Returns whether it has less than `amountMsat`. Money that only waits for its gateway is there. */
  lacks(amountMsat: bigint): Promise<boolean>;
  /**
   * Returns what the site's budget still allows now, in millisatoshi, by the engine; `null`: it has none, or one that asks
   * about every payment.
   */
  budgetLeftMsat(site: Site): Promise<bigint | null>;
  /**
   * Makes a BOLT 11 `invoice` for `amountMsat` (without it the payer chooses), with a `description`, good for `expirySecs`
   * (without it the wallet chooses). `paymentHash` in hex.
   */
  receive(request: {
    readonly amountMsat?: bigint | undefined;
    readonly description: string;
    readonly expirySecs?: number | undefined;
  }): Promise<{ readonly invoice: string; readonly paymentHash: string }>;
  /** Reads and checks an invoice; the fee is quoted for `amountMsat` where the invoice has no amount. */
  inspect(invoice: string, amountMsat?: bigint): Promise<InvoiceDetails>;
  /** Quotes the fee of a {@link keysend} of `amountMsat` (millisatoshi) to `payee` (node id in hex). */
  quoteFee(payment: { readonly payee: string; readonly amountMsat: bigint }): Promise<Quote>;
  /**
   * Pays `details.invoice` from the budget of `authorization`, or what was approved: `amountMsat` and at most `maxFeeMsat`
   * more. Rejects
   * when no funds were sent.
   */
  pay(
    details: InvoiceDetails,
    options: {
      readonly amountMsat?: bigint | undefined;
      readonly maxFeeMsat: bigint;
      readonly authorization: SiteAuthorization;
    },
  ): Promise<Outcome>;
  /**
   * Pays `payee` (node id in hex) `amountMsat` and at most `maxFeeMsat` more, without an invoice, from the budget of `authorization`.
   * `records` go along.
   */
  keysend(request: {
    readonly payee: string;
    readonly amountMsat: bigint;
    readonly records: readonly CustomRecord[];
    readonly maxFeeMsat: bigint;
    readonly authorization: SiteAuthorization;
  }): Promise<Outcome>;
  /** Looks up the state of an outgoing payment, by its hash in hex. */
  lookup(paymentHash: string): Promise<Outcome>;
  /** Calls `listener` with each state of an outgoing payment from now on. Returns a function that ends that. */
  watch(paymentHash: string, listener: (outcome: Outcome) => void): () => void;
  /** An `invoice` that this wallet made, by its hash: whether it is `paid`, and its `preimage` in hex; `null`: it made none such. */
  invoice(
    paymentHash: string,
  ): Promise<{ readonly invoice: string; readonly preimage: string | null; readonly paid: boolean } | null>;
  /** Signs `message` with the node's key; the `signature` is in lnd's format (zbase32). */
  signMessage(message: string): Promise<{ readonly message: string; readonly signature: string }>;
  /** Returns whether `signature` is one of `message` (`valid`), and the `nodeId` (hex) that made it; compare it. */
  verifyMessage(request: {
    readonly message: string;
    readonly signature: string;
  }): Promise<{ readonly valid: boolean; readonly nodeId: string }>;
  /**
   * LNURL-auth (LUD-04): signs `k1` (hex) with a key that `domain` alone sees (LUD-05); `key` and `sig` (DER) in hex. Without it the
   * wallet cannot log in. Rejects as the rest.
   */
  readonly lnurlAuth?: (request: {
    readonly domain: string;
    readonly k1: string;
  }) => Promise<{ readonly key: string; readonly sig: string }>;
  /** Streams of payments. Without it the wallet has none. */
  readonly streams?: SiteStreams | undefined;
}

/** A site's request to be paid as time passes or units are used. */
export interface StreamRequest {
  /** The site's node, hex. */
  readonly nodeId: string;
  /** The site's name for the session, at most 64 bytes of UTF-8. */
  readonly sessionId: string;
  /** Price of a second, in millisatoshi; 0: only units count. */
  readonly ratePerSecondMsat: bigint;
  /** Price of a unit (a life, a page), in millisatoshi; 0: only time counts. */
  readonly perUnitMsat: bigint;
  /** Credit: the amount, in millisatoshi, that may run up before the site has to have it. */
  readonly creditMsat: bigint;
}

/**
 * The wallet's streams. Each site reaches only its own: every method rejects with `invalidInput` for a stream that is not the
 * site's, and with other codes as the wallet does.
 */
export interface SiteStreams {
  /** Starts one for the site in `authorization`, or finds the one of this site and session that runs. */
  start(request: StreamRequest & { readonly authorization: SiteAuthorization }): Promise<StreamReport>;
  /** The user, who had stopped a stream of the site, was asked and allows it one. */
  allow?(site: Site): void;
  /** Counts so many units more; resolves when the site's credit covers them. */
  add(site: Site, streamId: string, units: number): Promise<StreamReport>;
  /** Pauses, continues, or settles and ends; `hide` and `show` are a pause of their own, while nobody sees the site. */
  control(site: Site, streamId: string, action: 'pause' | 'resume' | 'hide' | 'show' | 'stop'): Promise<StreamReport>;
  /** Returns its state. As all of these, it rejects with `invalidInput` when this site has no such stream. */
  state(site: Site, streamId: string): Promise<StreamReport>;
  /** Calls `listener` whenever a stream changed. Returns a function that ends that. */
  watch(listener: (site: Site, report: StreamReport) => void): () => void;
}

/** A field of the payer's data that a service asks for (LUD-18). */
export interface PayerField {
  /** A name, an address as `name@domain`, an e-mail address; or `login`: who they are at its domain, as a login says it. */
  readonly field: 'name' | 'identifier' | 'email' | 'login';
  /** Without it, it does not take the money. */
  readonly mandatory: boolean;
}

/** A failure of the wallet: `code` as in `WalletError`. */
export interface WalletFailure {
  /** For programs: one of the wallet's codes. */
  readonly code: string;
  /** For the user, in English; not for sites. */
  readonly message: string;
}

/** Context of a payment that the user is asked about: a `url`, or what the service at `domain` says in its `text`. */
export type PaymentContext =
  /** `webln.sendPayment`. */
  | { readonly kind: 'webln' }
  /** LNURL-pay: what `domain` says of it. */
  | { readonly kind: 'lnurl'; readonly domain: string; readonly text: string }
  /** A page that answers 402. */
  | { readonly kind: 'page'; readonly url: string };

/**
 * A request that is put to the user. Every one names the `site`. `context`: what is paid for; `invoice`: exactly what is paid;
 * `refusal`: what the budget said against it (`null`: it was not asked), to be shown to the user, never to the site. `payee`
 * (node id, hex), `amountMsat`, `expectedFeeMsat` and `maxFeeMsat` of a keysend. `memo` of an invoice to make, and the
 * `defaultMsat` that the site proposes. `message` and `signature`, whether it is `valid`, and the `nodeId` (hex) that made it.
 * `domain` and `text` of a service; `commentLength`, in characters, 0 for none; `payer`: what the service wants to know of the
 * user; `amountMsat` and `maxFeeMsat` of what the wallet has too little for; `pinFromMsat`: from which amount on it wants a PIN;
 * `action` of a login. Of what was bought: `text`, a `secret` that the payment opened, a `url`.
 */
export type PromptRequest = { readonly site: Site } &
  /** With a yes the site learns the node's id and alias, by which other sites that were enabled know the same wallet. Say so. */
  (
    | { readonly kind: 'enable' }
    | { readonly kind: 'balance' }
    | {
        readonly kind: 'payment';
        readonly context: PaymentContext;
        readonly invoice: InvoiceDetails;
        /** Refusal of the budget; `null`: it was not asked. Show it to the user, never to the site. */
        readonly refusal: WalletFailure | null;
      }
    | {
        readonly kind: 'keysend';
        readonly payee: string;
        readonly amountMsat: bigint;
        readonly expectedFeeMsat: bigint | null;
        readonly maxFeeMsat: bigint;
        readonly refusal: WalletFailure | null;
      }
    /**
     * A yes is for this stream: what the site gets to spend is bounded by it (purpose `stream`, its rate, a sum of the user's), and other
     * rules that it has stay as they are.
     */
    | ({
        readonly kind: 'stream';
        readonly refusal: WalletFailure | null;
        /** The user has just stopped a stream of this site. */
        readonly stopped: boolean;
        /** `false`: money flows on while nobody sees the page. Say so. */
        readonly pausesHidden: boolean;
      } & StreamRequest)
    /**
     * For the user to read, who can allow nothing here: the wallet has too little for what the site asks. It is told when they have. A
     * yes says that they are going to add money.
     */
    | { readonly kind: 'notEnough'; readonly amountMsat: bigint; readonly maxFeeMsat: bigint }
    | ({ readonly kind: 'invoice'; readonly memo: string } & Range & { readonly defaultMsat: bigint | null })
    | { readonly kind: 'signMessage'; readonly message: string }
    /** For the user to read: a yes says that it was. */
    | {
        readonly kind: 'verifyMessage';
        readonly message: string;
        readonly signature: string;
        readonly valid: boolean;
        readonly nodeId: string;
      }
    | ({
        readonly kind: 'lnurlPay';
        readonly domain: string;
        readonly text: string;
        readonly commentLength: number;
        readonly payer: readonly PayerField[];
      } & Range)
    /** For the user to read, after `lnurlPay`: what the service at `domain` gives for the money. Without a yes it is shown again later. */
    | {
        readonly kind: 'lnurlSuccess';
        readonly domain: string;
        readonly text: string;
        /** `null`: there is none; empty: it could not be read. */
        readonly secret: string | null;
        /** To be opened when the user wants it; `null`: none. */
        readonly url: string | null;
      }
    /** `pinFromMsat`: from this amount on the service wants a PIN (millisatoshi); `null`: it wants none. */
    | ({
        readonly kind: 'lnurlWithdraw';
        readonly domain: string;
        readonly text: string;
        readonly pinFromMsat: bigint | null;
      } & Range)
    | {
        readonly kind: 'lnurlAuth';
        readonly domain: string;
        readonly action: 'register' | 'login' | 'link' | 'auth';
        /** The site is not exactly that host: whoever made the link may be logging in as this user. Warn. */
        readonly foreign: boolean;
      }
  );

/** Bounds of an amount; `null`: unbounded on that side. */
export interface Range {
  /** At least so much, in msat. */
  readonly minMsat: bigint | null;
  /** At most so much, in msat. */
  readonly maxMsat: bigint | null;
}

/** The user's decision. A window that is closed is a no. */
export type Decision =
  | { readonly allowed: false }
  | {
      readonly allowed: true;
      /** Amount that the user chose, where the request leaves it open. Within the question's range. */
      readonly amountMsat?: bigint | undefined;
      /** For `lnurlPay`: the user saw and allowed at most this, fee included; without it the invoice is asked about, too. */
      readonly approvedMsat?: bigint | undefined;
      /** For `lnurlPay`, at most `commentLength` characters. */
      readonly comment?: string | undefined;
      /** For `lnurlPay`: what the user tells the service of themselves, by field; `login` is answered by the wallet. */
      readonly payer?: { readonly [field in Exclude<PayerField['field'], 'login'>]?: string | undefined } | undefined;
      /** For `lnurlWithdraw`: 1 to 8 digits. */
      readonly pin?: string | undefined;
      /** For `balance`: not to ask this site again. */
      readonly remember?: boolean | undefined;
    };

/** Asks the user. Rejects, or answers no, when `signal` fires: the site went away. */
export type Ask = (question: PromptRequest, signal: AbortSignal) => Promise<Decision>;

/**
 * The store of what outlives the host. Keys are at most 700 characters; values are JSON. Every method rejects when the store
 * fails; what is to be paid is then not paid.
 */
export interface Store {
  /** Returns what is kept at `key`. */
  get(key: string): Promise<Json | undefined>;
  /** Keeps `value` under this name. Resolves when it is durable. */
  set(key: string, value: Json): Promise<void>;
  /** Forgets what is kept there, if anything. */
  delete(key: string): Promise<void>;
  /** Every key that begins with `prefix`. */
  keys(prefix: string): Promise<readonly string[]>;
}

/** A change of what a {@link Store} keeps. */
export interface StoreChange {
  /** As in {@link Store.set}. */
  readonly key: string;
  /** What is kept from now on; `undefined`: it is forgotten. */
  readonly value: Json | undefined;
}

/** A {@link Store}, of what takes one. */
export const STORE: Kind = having('a store, such as `new WalletStore(() => wallet)`', 'get', 'set', 'delete', 'keys');

/**
 * The site of a sender. Opaque and insecure origins are none: `null`.
 * @throws {WalletError} `invalidInput`
 */
export function siteOf(sender: Sender): Site | null {
  const { origin, topLevelOrigin } = must('sender', sender, OBJECT);
  return isSecureOrigin(origin) && isSecureOrigin(topLevelOrigin) ? { origin, topLevel: topLevelOrigin } : null;
}

/** Names a site in keys. Origins hold no spaces. */
export const siteKey = ({ origin, topLevel }: Site): string => `${origin} ${topLevel}`;
