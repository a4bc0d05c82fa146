/** Options of `wallet.bumpFee` and `wallet.cancel`. */
export interface BumpOptions {
  /** In sat per 1000 vB; by default the fast one, and more than the present one. */
  feeRate?: bigint;
  /** Only says what it would cost. */
  dryRun?: boolean;
  /** Whoever aborts it no longer waits, and finds in the history what became of it. */
  signal?: AbortSignal;
}
