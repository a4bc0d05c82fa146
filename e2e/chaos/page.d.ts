// What a life puts into its page.

export {};

declare global {
  /** Why the wallet ended; null: it has not. */
  var chaosEnd: string | null;
}
