/** What the pretended engine knows of words. */

import type { MnemonicCheck } from 'amplet';
import * as samples from './samples.ts';

export async function checkMnemonic(text: string): Promise<MnemonicCheck> {
  const words = text.trim().toLowerCase().split(/\s+/);
  const normalized = words.join(' ');
  const wrong = words.findIndex((word) => !samples.WORDS.includes(word));
  if (wrong >= 0)
    return {
      normalized,
      problem: { kind: 'unknownWord', position: wrong + 1, word: words[wrong] ?? '', suggestions: ['river'] },
      message: 'unknown word',
    };
  if (words.length !== 12 && words.length !== 24)
    return { normalized, problem: { kind: 'wordCount', count: words.length }, message: 'word count' };
  return { normalized, problem: null, message: '' };
}

export const suggestWords = async (prefix: string, limit: number): Promise<string[]> =>
  samples.WORDS.filter((word) => word.startsWith(prefix)).slice(0, limit);

export const generateMnemonic = async (): Promise<string> => samples.MNEMONIC;
