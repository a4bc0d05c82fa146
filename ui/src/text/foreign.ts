/** Texts of strangers (descriptions, memos, answers of services): what they may not do to the text around them. */

/** Controls but the line's end, and what turns the direction of writing or is not seen at all. */
const HIDDEN =
  /(?!\n)[\p{Cc}\p{Bidi_Control}\u00ad\u115f\u1160\u180e\u200b\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;
/** Ends of a line, in whichever way. */
const LINE_END = /\r\n?|[\u0085\u2028\u2029\v\f]/g;
/** Lines that are shown; what follows stands in the last of them. */
const MAX_LINES = 8;
/** Characters that are shown. */
const MAX_LENGTH = 1_000;

/** Returns a text without hidden characters, of a bounded number of lines and characters. */
export function tamed(text: string): string {
  const lines = text
    .replace(LINE_END, '\n')
    .replaceAll('\t', ' ')
    .replace(HIDDEN, '')
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line, at, all) => line !== '' || (all[at - 1] ?? '') !== '');
  const kept =
    lines.length <= MAX_LINES ? lines : [...lines.slice(0, MAX_LINES - 1), lines.slice(MAX_LINES - 1).join(' ')];
  const characters = [...kept.join('\n').trim()];
  return characters.length <= MAX_LENGTH ? characters.join('') : `${characters.slice(0, MAX_LENGTH).join('')}…`;
}

/** Returns a text in one line, for titles and for notices of the browser, which lay out what they get. */
export const tamedLine = (text: string): string => tamed(text).replace(/\s+/g, ' ');

/** Returns a text whole, with hidden characters by their numbers: what is signed is exactly what is read. */
export const spelledOut = (text: string): string =>
  text.replace(HIDDEN, (hidden) => `⟨U+${(hidden.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}⟩`);
