// Builds the site: the guides, the package's README and the references as pages of TypeDoc's, beside its reference of the package's API.
// `node build.mjs OUT OPENAPI`: the folder that it makes, and the gateway's API as a file.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Application } from 'typedoc';
import { GUIDES, guides, README } from './blocks.mjs';
import { errorsPage, eventsPage, gatewayPage } from './references.mjs';

const [out, openapi] = process.argv.slice(2);
if (out === undefined || openapi === undefined) {
  console.error('usage: node build.mjs OUT OPENAPI');
  process.exit(2);
}
const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '../..');
const pkg = join(root, 'pkg');
const REPOSITORY = 'https://github.com/amplet/amplet/blob/main';
const pages = join(here, 'generated', 'pages');
rmSync(pages, { recursive: true, force: true });
mkdirSync(pages, { recursive: true });

const made = {
  'errors.md': errorsPage(),
  'events.md': eventsPage(),
  'gateway-api.md': gatewayPage(JSON.parse(readFileSync(openapi, 'utf8'))),
};
for (const { name, text } of guides()) made[`${name}.md`] = toRepository(text.replace(/^run: .*\n/m, ''));
for (const [name, text] of Object.entries(made)) writeFileSync(join(pages, name), text);

/** Leads links to files of the repository that are no pages there. @param {string} text */
function toRepository(text) {
  return text.replaceAll(
    /\]\(((?:\.\.\/)+[^)]+)\)/g,
    (_, path) => `](${REPOSITORY}/${relative(root, resolve(GUIDES, path))})`,
  );
}

const { exports, version } = JSON.parse(readFileSync(join(pkg, 'package.json'), 'utf8'));
const entryPoints = [...new Set(Object.values(exports).flatMap((to) => (typeof to === 'object' ? [to.types] : [])))]
  .map((types) => join(pkg, 'src', relative('./dist', types).replace(/\.d\.ts$/, '.ts')))
  .filter((file) => !file.endsWith('wasm.ts'));
const app = await Application.bootstrap({
  name: 'Amplet',
  entryPoints,
  projectDocuments: [...guides().map(({ name }) => `${name}.md`), 'errors.md', 'events.md', 'gateway-api.md'].map(
    (name) => join(pages, name),
  ),
  readme: README,
  tsconfig: join(pkg, 'test/tsconfig.json'),
  excludePrivate: true,
  excludeExternals: true,
  skipErrorChecking: true,
  githubPages: false,
  highlightLanguages: ['typescript', 'tsx', 'javascript', 'html', 'vue', 'svelte', 'http', 'shellscript', 'json'],
  includeVersion: true,
});
const project = await app.convert();
if (project === undefined) process.exit(1);
await app.generateDocs(project, out);
if (app.logger.hasErrors()) process.exit(1);

/** What a program that writes programs reads first (llmstxt.org). */
const titled = Object.entries(made).map(([name, text]) => [name, /^title: (.*)$/m.exec(text)?.[1] ?? name]);
writeFileSync(
  join(out, 'llms.txt'),
  `# Amplet ${version}

> A Lightning wallet that runs in the page: an npm package, a browser extension, a gateway. Amounts are bigint, in millisatoshi where the name
> says Msat. Every failure is a WalletError with a code; error.outcome says whether funds were sent.

## Guides and references

${titled.map(([name, title]) => `- [${title}](pages/${name})`).join('\n')}

## The package

- [README](pages/README.md)
`,
);
mkdirSync(join(out, 'pages'), { recursive: true });
for (const [name, text] of Object.entries(made)) writeFileSync(join(out, 'pages', name), text);
writeFileSync(join(out, 'pages', 'README.md'), readFileSync(README));
console.log(`${titled.length} pages and the reference of ${entryPoints.length} entries are in ${out}.`);
