// BIP 39 mnemonics, worked on in the page alone.

import { checkPlace, loadWords } from '#platform';
import { toError, WalletError } from '../base/error.ts';
import { must, TEXT, whole } from '../base/kinds.ts';
import type { Words } from '../platform/contract.ts';

/** A problem of a mnemonic. Positions count from 1. */
export type MnemonicProblem =
  | {
      kind: 'wordCount';
      /** Number of words, neither 12 nor 24. */
      count: number;
    }
  | {
      kind: 'unknownWord';
      /** Position of the first word that is not in the list, from 1. */
      position: number;
      /** That word, lower case, at most 20 letters of it. */
      word: string;
      /** Words of the list that are spelled alike, the nearest first; at most 4. */
      suggestions: string[];
    }
  | { kind: 'checksum' };

/** The answer of {@link checkMnemonic}. */
export interface MnemonicCheck {
  /** The mnemonic in its normal form: lower case, single spaces. */
  normalized: string;
  /** `null`: it is a valid mnemonic of 12 or 24 words. */
  problem: MnemonicProblem | null;
  /** `problem` for a user, with its remedy; empty when there is none. */
  message: string;
}

/**
 * A new BIP 39 mnemonic of 12 or 24 English words, from the browser's random number generator.
 * Show it to the user, who writes it down: it is the wallet.
 * @throws {WalletError} `invalidInput` for another number of words
 */
export async function generateMnemonic(words: 12 | 24 = 12): Promise<string> {
  if (words !== 12 && words !== 24) throw new WalletError('invalidInput', '`words` is 12 or 24.');
  return use((wasm) => wasm.newMnemonic(words));
}

/**
 * Says whether `text` is a BIP 39 mnemonic that a wallet can be restored from, and if not, which word is wrong.
 * @throws {WalletError} `invalidInput` for a text far too long; `internal` when the words cannot be loaded
 */
export async function checkMnemonic(text: string): Promise<MnemonicCheck> {
  must('text', text, TEXT);
  return use((wasm) => wasm.checkMnemonic(text) as MnemonicCheck);
}

/**
 * The words of BIP 39's English list that begin with `prefix`, in order, at most `limit` of them.
 * @throws {WalletError} `invalidInput` when `limit` is not a whole number from 0 to 2048; `internal` when the words cannot be loaded
 */
export async function suggestWords(prefix: string, limit = 8): Promise<string[]> {
  must('prefix', prefix, TEXT);
  must('limit', limit, whole(0, 2048));
  return use((wasm) => wasm.suggestWords(prefix, limit));
}

async function use<T>(work: (wasm: Words) => T): Promise<T> {
  checkPlace();
  const wasm = await loadWords();
  try {
    return work(wasm);
  } catch (error) {
    throw toError(error);
  }
}
