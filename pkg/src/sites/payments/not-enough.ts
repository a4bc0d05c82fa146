/** Money that is missing: the user sees what a site asks for and what there is, and then the site is told. */

import { failureOf, isOpen, providerErrorOf, type ProviderError } from '../errors.ts';
import type { Site, SiteWallet, WalletFailure } from '../types.ts';
import type { Prompts } from './prompts.ts';

/** What a site asks for. */
export interface Price {
  readonly site: Site;
  /** In millisatoshi. */
  readonly amountMsat: bigint;
  /** Maximum fee beside it, in millisatoshi. */
  readonly maxFeeMsat: bigint;
}

/** The failure of a wallet that has too little. */
export const NOT_ENOUGH: WalletFailure = {
  code: 'insufficientBalance',
  message: 'The wallet has less money than this costs.',
};

/**
 * Does `work`. Where the wallet has too little for it, the user is shown that before the site is told. `price` is read then.
 * @throws {ProviderError} with the code `insufficientBalance`; or why the user was not shown it
 */
export async function showingNotEnough<T>(
  prompts: Prompts,
  signal: AbortSignal,
  price: () => Price,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (failureOf(error)?.code !== NOT_ENOUGH.code || isOpen(error)) throw error;
    throw await shown(prompts, signal, price(), error);
  }
}

/**
 * Checks that the wallet has what would be asked for.
 * @throws {ProviderError} as {@link showingNotEnough}
 */
export async function requireEnough(
  { wallet, prompts }: { readonly wallet: Pick<SiteWallet, 'lacks'>; readonly prompts: Prompts },
  signal: AbortSignal,
  price: Price,
): Promise<void> {
  if (await wallet.lacks(price.amountMsat)) throw await shown(prompts, signal, price, NOT_ENOUGH);
}

async function shown(prompts: Prompts, signal: AbortSignal, price: Price, error: unknown): Promise<ProviderError> {
  const { site, amountMsat, maxFeeMsat } = price;
  await prompts.tell({ kind: 'notEnough', site, amountMsat, maxFeeMsat }, signal);
  return providerErrorOf(error);
}
