/** The code in the guides. */

import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));

export const GUIDES = join(here, 'guides');
export const README = join(here, '../../pkg/README.md');

/**
 * @typedef {{ language: string, code: string, line: number }} Block `line`: of its first line in the page, from 1
 * @typedef {{ name: string, file: string, run: 'regtest' | 'compile', text: string, blocks: Block[] }} Page `run`: what is done with
 * its TypeScript, all of it one program
 */

/** The blocks of a text. @param {string} text @returns {Block[]} */
export function blocksOf(text) {
  return [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(({ 1: language = '', 2: code = '', index }) => ({
    language,
    code,
    line: text.slice(0, index).split('\n').length + 1,
  }));
}

/** All guides, in order. @returns {Page[]} */
export function guides() {
  return readdirSync(GUIDES)
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => {
      const file = join(GUIDES, name);
      const text = readFileSync(file, 'utf8');
      const run = /^run: (regtest|compile)$/m.exec(text)?.[1];
      if (run === undefined) throw new Error(`${name}: its head has no \`run: regtest\` or \`run: compile\``);
      return { name: basename(name, '.md'), file, run: /** @type {Page['run']} */ (run), text, blocks: blocksOf(text) };
    });
}

/** A page's TypeScript as one program. @param {Page} page */
export const programOf = (page) =>
  page.blocks
    .filter(({ language }) => language === 'ts')
    .map(({ code }) => code)
    .join('\n');
