/** Texts of strangers do nothing to the text around them. */

import { expect, test } from 'vitest';
import { spelledOut, tamed, tamedLine } from '../src/text/foreign.ts';

test('bidi and other hidden characters are gone', () => {
  expect(tamed('Pay \u202egnp.exe\u202c to \u2066shop\u2069\u200b\u0000\u0007\ufeff')).toBe('Pay gnp.exe to shop');
  expect(tamed('a\u{e0041}b')).toBe('ab');
  expect(tamed('مرحبا، שלום, 日本語, 🎸')).toBe('مرحبا، שלום, 日本語, 🎸');
});

test('lines are few, however they end', () => {
  expect(tamed('a\r\nb\u2028c\u0085d')).toBe('a\nb\nc\nd');
  expect(tamed(`a${'\n'.repeat(500)}You owe nothing`)).toBe('a\n\nYou owe nothing');
  expect(tamed(Array.from({ length: 100 }, (_, at) => at).join('\n')).split('\n')).toHaveLength(8);
  expect(tamedLine('a\nb\n\nc')).toBe('a b c');
});

test('a long text is cut between characters', () => {
  const cut = tamed('🎸'.repeat(5_000));
  expect([...cut]).toHaveLength(1_001);
  expect(cut.endsWith('🎸…')).toBe(true);
});

test('what is signed is spelled out', () => {
  expect(spelledOut('I owe \u202e100')).toBe('I owe ⟨U+202E⟩100');
  expect(spelledOut('two\nlines')).toBe('two\nlines');
});
