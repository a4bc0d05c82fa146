// The guides of docs/site are run as they stand: each is a program of its own, in a folder of its own, with the built package.

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { transform } from 'esbuild';
import { afterAll, expect, test } from 'vitest';
import { guides, programOf } from '../../../docs/site/blocks.mjs';

/** Inside the package, so that `amplet` and `ws` are found from there. */
const programs = join(process.cwd(), 'test/generated');
const folder = mkdtempSync(join(tmpdir(), 'amplet-guides-'));
mkdirSync(programs, { recursive: true });
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What a guide's last words are, so that one that ends early is seen. */
const LAST: Record<string, RegExp> = {
  '1-first-money': /50000000 msat for order 17\nsucceeded [0-9a-f]{64} fee \d+ msat\n$/,
  '2-receive-with-nothing':
    /First a channel\.\nfailed \d+\nThe channel that is there carries it\.\nThe fee of its funding is \d+ sat\.\n$/,
  '3-paid-api': /A small payment opens a large door\.[\s\S]*10000n/,
  '4-budgets': /10000000 msat are left\.\npaid without asking approvalNeeded\n[\s\S]*\nlinkPaused\n[\s\S]+\n$/,
  '8-testing': /\d+ lnbcrt/,
};

for (const page of guides().filter(({ run }) => run === 'regtest')) {
  test(`${page.name} runs`, { timeout: 300_000 }, async () => {
    const { code } = await transform(programOf(page), { loader: 'ts', format: 'esm', target: 'es2022' });
    const file = join(programs, `${page.name}.mjs`);
    writeFileSync(file, code);
    const { stdout } = await promisify(execFile)(process.execPath, [file], { cwd: folder, env: process.env });
    const last = LAST[page.name];
    expect(last, 'every guide that runs has its last words here').toBeDefined();
    expect(stdout).toMatch(last!);
  });
}
