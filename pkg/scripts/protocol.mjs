// Writes src/base/protocol.ts from crates/protocol, the one definition; with --check only says whether it is current.

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const file = join(root, 'src/base/protocol.ts');
const printed = execFileSync(
  'cargo',
  ['run', '--quiet', '--package', 'amplet-protocol', '--features', 'ts', '--example', 'types'],
  { cwd: join(root, '..'), encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
);
/** Rust's names for what a page sees, and the unit of times, which the definition states once for all. */
const written = printed
  .replaceAll('`None`', '`null`')
  .replace(/\[`(?:\w+::)*(\w+)`\]/g, '`$1`')
  .replace(
    'the origin of the frame that asks and that of the page it is in',
    'the origin of the frame that asks (`origin`) and that of the page it is in (`topLevel`)',
  )
  // What a program gives may be left out by `undefined`, too (`exactOptionalPropertyTypes`).
  .replace(/export type (?:Authorization|Gateway) = \{[^]*?\};/g, (type) =>
    type.replace(/^(\w+\?: [^,]+)(?=, )/gm, '$1 | undefined'),
  )
  .replace(/`[a-z]+(?:_[a-z]+)+`/g, (name) => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase()))
  .replace(/\/\*\*\n \* ([^/]*?)\n \*\/\n(\w*At|at|until|time): bigint/g, (whole, text, name) =>
    text.includes('econds')
      ? whole
      : `/**\n * ${text.replace(/\.$/, '')} (seconds since the UNIX epoch).\n */\n${name}: bigint`,
  );
if (!process.argv.includes('--check')) {
  writeFileSync(file, written);
} else if (readFileSync(file, 'utf8') !== written) {
  console.error(
    'pkg/src/base/protocol.ts is not what crates/protocol says: run `npm run protocol` in pkg/ and commit it.',
  );
  process.exit(1);
}
