// Writes src/protocol.ts from crates/protocol, the one definition; with --check only says whether it is current.

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const file = join(root, 'src/protocol.ts');
const printed = execFileSync(
  'cargo',
  ['run', '--quiet', '--package', 'amplet-protocol', '--features', 'ts', '--example', 'types'],
  { cwd: join(root, '..'), encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
);
if (!process.argv.includes('--check')) {
  writeFileSync(file, printed);
} else if (readFileSync(file, 'utf8') !== printed) {
  console.error('pkg/src/protocol.ts is not what crates/protocol says: run `npm run protocol` in pkg/ and commit it.');
  process.exit(1);
}
