// Before packing: every file that `exports` names is there, and what the repository has once for all lies in the package's folder;
// with --after it is removed again.

import { copyFileSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Of the repository's root. */
const SHARED = ['CHANGELOG.md', 'LICENSE-APACHE', 'LICENSE-MIT'];

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
if (process.argv.includes('--after')) {
  for (const name of SHARED) rmSync(join(root, name), { force: true });
} else {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const files = Object.values(exports).flatMap((to) => (typeof to === 'string' ? [to] : Object.values(to)));
  const missing = files.filter((file) => !existsSync(join(root, file)));
  if (missing.length > 0) {
    console.error(`not built: ${missing.join(', ')}\nrun \`cargo xtask build\`, then pack again.`);
    process.exit(1);
  }
  for (const name of SHARED) copyFileSync(join(root, '..', name), join(root, name));
}
