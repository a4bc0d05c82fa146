// Before packing: every file that `exports` names is there.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const files = Object.values(exports).flatMap((to) => (typeof to === 'string' ? [to] : Object.values(to)));
const missing = files.filter((file) => !existsSync(join(root, file)));
if (missing.length > 0) {
  console.error(`not built: ${missing.join(', ')}\nrun \`cargo xtask build\`, then pack again.`);
  process.exit(1);
}
