// BIP 39 mnemonics, worked on in the page alone.

import { once } from './wasm.ts';
import { WalletError, toError } from '../error.ts';

/** What is wrong with a mnemonic. Positions count from 1. */
export type MnemonicProblem =
  | { kind: 'wordCount'; count: number }
  | { kind: 'unknownWord'; position: number; word: string; suggestions: string[] }
  | { kind: 'checksum' };

/** The answer of {@link checkMnemonic}. */
export interface MnemonicCheck {
  /** The mnemonic in its normal form: lower case, single spaces. */
  normalized: string;
  /** `null`: it is a valid mnemonic of 12 or 24 words. */
  problem: MnemonicProblem | null;
  /** `problem` for a person, with its remedy; empty when there is none. */
  message: string;
}

/**
 * A new BIP 39 mnemonic of 12 or 24 English words, from the browser's random number generator.
 * Show it to the person, who writes it down: it is the wallet.
 * @throws {WalletError} `invalidInput` for another number of words
 */
export async function generateMnemonic(words: 12 | 24 = 12): Promise<string> {
  return use((wasm) => wasm.newMnemonic(words));
}

/** Says whether `text` is a BIP 39 mnemonic that a wallet can be restored from, and if not, which word is wrong. */
export async function checkMnemonic(text: string): Promise<MnemonicCheck> {
  return use((wasm) => wasm.checkMnemonic(text) as MnemonicCheck);
}

/** The words of BIP 39's English list that begin with `prefix`, in order, at most `limit` of them. */
export async function suggestWords(prefix: string, limit = 8): Promise<string[]> {
  if (!Number.isInteger(limit) || limit < 0 || limit > 2048) {
    throw new WalletError('invalidInput', '`limit` is a whole number from 0 to 2048.');
  }
  return use((wasm) => wasm.suggestWords(prefix, limit));
}

/** Files of their own: a wallet that exists opens without them. */
const loadWordsWasm = once(async () => (await import('./words-wasm.ts')).load());

async function use<T>(work: (wasm: Awaited<ReturnType<typeof loadWordsWasm>>) => T): Promise<T> {
  const wasm = await loadWordsWasm();
  try {
    return work(wasm);
  } catch (error) {
    throw toError(error);
  }
}
