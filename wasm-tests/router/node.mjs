/**
 * The router's evaluation program, its wasm in Node: JSON lines in, JSON lines out, as its native twin
 * (crates/router/examples/plan.rs) does. `node wasm-tests/router/node.mjs MODULE_FOLDER [FILES_FOLDER]`; times are CPU.
 */

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const [folder, files = '.'] = process.argv.slice(2);
if (!folder)
  throw new Error(
    'usage: node wasm-tests/router/node.mjs MODULE_FOLDER [FILES_FOLDER]; cargo xtask bench makes the module',
  );

const { initSync, RouterEvaluation } = await import(pathToFileURL(resolve(folder, 'router.js')).href);
initSync({ module: readFileSync(join(folder, 'router_bg.wasm')) });

/** @param {string} path */
const read = (path) => readFileSync(resolve(files, path), 'utf8');
const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

const router = new RouterEvaluation(read, cpuMs);
for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${router.answer(line)}\n`);
}
