/** Strength of a passphrase: an estimate, on the careful side. */

export type Strength = 'tooShort' | 'weak' | 'fair' | 'strong';

/** Shorter ones are refused: Argon2id slows guessing, it does not replace length. */
export const MIN_LENGTH = 8;

const COMMON = [
  'password',
  'passwort',
  'bitcoin',
  'lightning',
  'satoshi',
  'wallet',
  'qwertz',
  'qwerty',
  'letmein',
  'welcome',
  'amplet',
];
const ROWS = ['abcdefghijklmnopqrstuvwxyz', '01234567890', 'qwertyuiop', 'qwertzuiop', 'asdfghjkl', 'zxcvbnm'];

/** Size of the alphabet that the characters used suggest. */
function alphabet(text: string): number {
  const classes: [RegExp, number][] = [
    [/[a-z]/, 26],
    [/[A-Z]/, 26],
    [/\d/, 10],
    [/ /, 4],
    [/[^\w ]/, 24],
  ];
  return Math.max(
    2,
    classes.reduce((sum, [test, size]) => sum + (test.test(text) ? size : 0), 0),
  );
}

/** True if `next` is what a finger or the alphabet puts after `previous`. */
function follows(previous: string, next: string): boolean {
  if (previous === next) return true;
  return ROWS.some((row) => row.includes(previous + next) || row.includes(next + previous));
}

/** Characters that add surprise: common words count as one, runs and repeats not at all. */
function surprisingLength(passphrase: string): number {
  let text = passphrase.toLowerCase();
  for (const word of COMMON) text = text.split(word).join('\u0001');
  let count = 0;
  for (let index = 0; index < text.length; index += 1) {
    if (index === 0 || !follows(text.charAt(index - 1), text.charAt(index))) count += 1;
  }
  return count;
}

/** Bits of surprise; written words are worth less per letter than random ones. */
export function estimateBits(passphrase: string): number {
  const words = passphrase.trim().split(/\s+/);
  const perCharacter = Math.log2(alphabet(passphrase));
  const proseLike = words.length >= 3 && words.every((word) => /^\p{L}+$/u.test(word));
  return surprisingLength(passphrase) * (proseLike ? Math.min(perCharacter, 2.6) : perCharacter * 0.8);
}

/** Weak ones are refused: whoever has the profile guesses them offline, whatever each guess costs. */
export const isAccepted = (strength: Strength): boolean => strength === 'fair' || strength === 'strong';

export function passphraseStrength(passphrase: string): Strength {
  if ([...passphrase].length < MIN_LENGTH) return 'tooShort';
  const bits = estimateBits(passphrase);
  if (bits < 40) return 'weak';
  return bits < 60 ? 'fair' : 'strong';
}
