import type { Receipt } from './types.ts';

/**
 * Reason for which a paid request was not answered; `paid` tells the two kinds of failure apart that matter: before and after
 * funds were sent.
 */
export type PaidFetchCode =
  /** The challenge makes no sense, or says one thing and its invoice another. */
  | 'badChallenge'
  /** The price is above what was allowed. */
  | 'tooExpensive'
  /** The wallet did not pay: refused by the budget, no route, given up. */
  | 'notPaid'
  /** The outcome is not known yet; asking for the same page again continues from there and does not pay twice. */
  | 'pending'
  /** The wallet's proof does not fit the invoice: a defect, nothing is called paid. */
  | 'badProof'
  /** Paid, and the server did not deliver: the `receipt` proves it. */
  | 'notDelivered'
  /** The origin took money before and did not deliver: it gets no more unless the user says so. No funds were sent this time. */
  | 'untrusted'
  /** A request over plain HTTP would show its credential to everybody on the way. */
  | 'insecure';

/** An error of a request that costs money. */
export class PaidFetchError extends Error {
  override readonly name = 'PaidFetchError';

  /** Code of the error. The codes never change meaning. */
  readonly code: PaidFetchCode;

  /** True when funds were sent for this request. */
  readonly paid: boolean;

  /** The server's last answer, when there is one: its body may say more. */
  readonly response: Response | null;

  /** Receipt of what was paid and brought nothing, where that is the matter. */
  readonly receipt: Receipt | null;

  /** `response`: the server's last answer; `receipt`: what was paid for nothing; `cause`: what lay below. */
  constructor(
    code: PaidFetchCode,
    message: string,
    more: { response?: Response | null; receipt?: Receipt | null; cause?: unknown } = {},
  ) {
    const { response = null, receipt = null, cause } = more;
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.paid = code === 'notDelivered';
    this.response = response;
    this.receipt = receipt;
  }
}
