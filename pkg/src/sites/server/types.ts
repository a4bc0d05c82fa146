/** What a server that is paid works with. */

/** An invoice that was made. */
export interface IssuedInvoice {
  /** BOLT 11. */
  readonly invoice: string;
  /** In hex. */
  readonly paymentHash: string;
  /** Seconds since the UNIX epoch. */
  readonly expiresAt: number;
}

/** Makes invoices: a {@link GatewayApi}, or {@link walletInvoices}. */
export interface Invoices {
  /** An invoice for `amountMsat`, in msat, with a `description`, payable for `expirySecs` seconds. Rejects when none can be made. */
  createInvoice(request: {
    readonly amountMsat: bigint;
    readonly description: string;
    readonly expirySecs: number;
  }): Promise<IssuedInvoice>;
}

/** Charges that were used: each is good once. Servers that share a secret share this, too. */
export interface UsedCharges {
  /** Notes a payment hash (hex) until a time, in ms since the UNIX epoch; false: it is noted already. Rejects: nothing is given. */
  take(paymentHash: string, untilMs: number): Promise<boolean>;
  /** Forgets it: nothing was delivered. Never fails where `take` does not. */
  giveBack(paymentHash: string): Promise<void>;
}

/** A payment that opened an answer. */
export interface PaidRequest {
  /** L402, which is good for a time, or a charge of the "Payment" scheme, which is used up. */
  readonly scheme: 'l402' | 'payment';
  /** In hex. */
  readonly paymentHash: string;
}
