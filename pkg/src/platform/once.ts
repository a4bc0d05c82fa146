import { WalletError, describe } from '../error.ts';

/** Loads once; what failed is tried again by the next call. */
export function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loading: Promise<T> | null = null;
  return () => {
    loading ??= load().catch((error: unknown) => {
      loading = null;
      if (error instanceof WalletError) throw error;
      throw new WalletError(
        'internal',
        'A part of the wallet could not be loaded: check the connection, then reload the page.',
        [describe(error)],
      );
    });
    return loading;
  };
}
