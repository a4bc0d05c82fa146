// Compiles every block of code in the guides and in the package's README, against the types that are shipped, and follows every link
// between the pages. The guides that run are run by pkg/test/node/guides.test.ts.

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compile } from 'svelte/compiler';
import ts from 'typescript';
import { compileScript, compileTemplate, parse } from 'vue/compiler-sfc';
import { blocksOf, guides, programOf, README } from './blocks.mjs';
import { GENERATED } from './references.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, 'generated');
const problems = [];
const pages = guides();

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
/** @type {string[]} */
const files = [join(here, 'readme.d.ts')];
const write = (name, code) => {
  files.push(join(out, name));
  // Every block is a module, whatever it imports.
  writeFileSync(join(out, name), `${code}\nexport {};\n`);
};

for (const page of pages) {
  write(`${page.name}.ts`, programOf(page));
  page.blocks.forEach((block, at) => {
    if (block.language === 'tsx') write(`${page.name}-${at}.tsx`, block.code);
    if (block.language === 'vue') vue(page, block);
    if (block.language === 'svelte') svelte(page, block);
  });
  links(page.file, page.text);
}
const readme = readFileSync(README, 'utf8');
blocksOf(readme)
  .filter(({ language }) => language === 'ts')
  .forEach(({ code }, at) => write(`readme-${at}.ts`, code));
links(README, readme);

function vue({ name }, { code, line }) {
  const { descriptor, errors } = parse(code);
  const id = `${name}:${line}`;
  if (errors.length > 0) return problems.push(...errors.map((error) => `${id}: ${error.message}`));
  const script = compileScript(descriptor, { id, inlineTemplate: true });
  const { errors: wrong } = compileTemplate({ id, source: descriptor.template?.content ?? '', filename: `${id}.vue` });
  problems.push(...wrong.map((error) => `${id}: ${typeof error === 'string' ? error : error.message}`));
  write(
    `${name}-${line}-vue.ts`,
    script.content.includes('defineComponent') ? (descriptor.scriptSetup?.content ?? '') : '',
  );
}

function svelte({ name }, { code, line }) {
  try {
    const { warnings } = compile(code, { generate: 'client' });
    problems.push(...warnings.map(({ message }) => `${name}:${line}: ${message}`));
  } catch (error) {
    problems.push(`${name}:${line}: ${error.message}`);
  }
}

/** Files that a page links to are there, or are made by the build. */
function links(file, text) {
  for (const [, to = ''] of text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)) {
    const isThere = existsSync(resolve(dirname(file), to)) || GENERATED.includes(to);
    if (!isThere) problems.push(`${file}: ${to} is not there`);
  }
}

const program = ts.createProgram(files, {
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  jsx: ts.JsxEmit.ReactJSX,
  lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts', 'lib.esnext.disposable.d.ts'],
  types: ['node'],
});
for (const { file, start, messageText } of ts.getPreEmitDiagnostics(program)) {
  const at = file === undefined ? '' : `${file.fileName}:${file.getLineAndCharacterOfPosition(start ?? 0).line + 1}: `;
  problems.push(`${at}${ts.flattenDiagnosticMessageText(messageText, '\n')}`);
}
if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exit(1);
}
console.log(
  `${files.length - 1} programs of ${pages.length} guides and the README compile; every link leads somewhere.`,
);
