// Checks of what a caller gives, before it crosses to the engine.

import { WalletError } from '../base/error.ts';

/** Maximum amount that crosses to the engine (u64). */
const MAX_AMOUNT = 0xffff_ffff_ffff_ffffn;

/** An amount that may be left out. */
export function amount(name: string, value: bigint | undefined): bigint | null {
  return value === undefined ? null : required(name, value);
}

/**
 * An amount.
 * @throws {WalletError} `invalidInput`
 */
export function required(name: string, value: bigint): bigint {
  if (typeof value !== 'bigint' || value < 0n || value > MAX_AMOUNT) {
    throw new WalletError('invalidInput', `\`${name}\` is a bigint from 0 to 2^64 - 1, such as 1000n.`);
  }
  return value;
}

/**
 * A text.
 * @throws {WalletError} `invalidInput`
 */
export function text(name: string, value: string): string {
  if (typeof value !== 'string') throw new WalletError('invalidInput', `\`${name}\` is a text.`);
  return value;
}

/**
 * A number that the engine takes for a u32, such as a budget's.
 * @throws {WalletError} `invalidInput`
 */
export function whole(name: string, value: number): number {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) {
    throw new WalletError('invalidInput', `\`${name}\` is a whole number from 0 to 2^32 - 1.`);
  }
  return value;
}
