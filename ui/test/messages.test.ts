import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import de from '../messages/de.json';
import en from '../messages/en.json';

/** Everything that shows texts: this package, and those that use it. */
const sources = ['../src', '../../www/src', '../../extension/src'].flatMap((folder) => {
  const src = fileURLToPath(new URL(folder, import.meta.url));
  return readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.(svelte|ts)$/.test(path) && !path.startsWith('paraglide'))
    .map((path) => [path, readFileSync(`${src}/${path}`, 'utf8')] as const);
});
/** Texts that the extension's build puts where the browser reads them. */
const MANIFEST = ['name', 'description'];

const keys = (catalogue: object) =>
  Object.keys(catalogue)
    .filter((key) => key !== '$schema')
    .sort();
const placeholders = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort();

describe('message catalogues', () => {
  it('have the same keys and placeholders', () => {
    expect(keys(de)).toEqual(keys(en));
    for (const key of keys(en) as (keyof typeof en)[])
      expect([key, placeholders(de[key])]).toEqual([key, placeholders(en[key])]);
  });
  it('hold exactly what is used', () => {
    const used = new Set(
      sources.flatMap(([, text]) => [...text.matchAll(/\bm\.(\w+)/g)].map((match) => match[1] ?? '')),
    );
    expect([...used, ...MANIFEST].sort()).toEqual(keys(en));
  });
  it('hold every text: no words between tags outside them', () => {
    const allowed = new Set(['Amplet', 'English', 'Deutsch']);
    for (const [path, text] of sources.filter(([name]) => name.endsWith('.svelte'))) {
      const markup = text.replace(/<script[\s\S]*?<\/script>|<style[\s\S]*?<\/style>|<!--[\s\S]*?-->/g, '');
      const between = [...markup.matchAll(/>([^<>{}]+)</g)].map((match) => (match[1] ?? '').trim());
      const words = between.filter((found) => /\p{L}{2,}/u.test(found.replace(/&\w+;/g, '')) && !allowed.has(found));
      expect([path, words]).toEqual([path, []]);
    }
  });
});
