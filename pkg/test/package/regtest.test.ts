// amplet-regtest as a user installs it: its package and the programs' from their tarballs, the network started and ended.

import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, test } from 'vitest';

const made = process.env['AMPLET_NPM_FOLDER'] ?? '../target/npm';
const folder = mkdtempSync(join(tmpdir(), 'amplet-regtest-user-'));
const started: ChildProcess[] = [];

const npm = (args: string[], cwd: string): string =>
  execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

function start(...args: string[]): ChildProcess {
  const program = join(folder, 'node_modules/.bin/amplet-regtest');
  const child = spawn(program, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  started.push(child);
  return child;
}

beforeAll(() => {
  const packages = ['amplet-regtest', `amplet-regtest-${process.platform}-${process.arch}`];
  const tarballs = packages.map((name) => {
    const [{ filename }] = JSON.parse(npm(['pack', '--json', '--pack-destination', folder], join(made, name))) as [
      { filename: string },
    ];
    return `./${filename}`;
  });
  writeFileSync(join(folder, 'package.json'), '{"name":"user","private":true}');
  npm(['install', '--offline', '--no-audit', '--no-fund', ...tarballs], folder);
});
afterAll(() => {
  for (const child of started) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

test('the network comes up, makes an invoice, and ends on SIGTERM without a rest', async () => {
  const network = start('--output', 'env.json');
  const file = join(folder, 'env.json');
  while (!existsSync(file)) {
    assert.equal(network.exitCode, null, 'it has ended');
    await setTimeout(100);
  }
  const { controlUrl, gateways } = JSON.parse(readFileSync(file, 'utf8')) as {
    controlUrl: string;
    gateways: { address: string; chainUrl: string }[];
  };
  assert.match(gateways[0]!.address, /^0[23][0-9a-f]{64}@ws:\/\/127\.0\.0\.1:\d+\/lightning\/v1$/);
  const answer = await fetch(`${controlUrl}/invoice`, { method: 'POST', body: '{"amountMsat":"1000"}' });
  assert.match(((await answer.json()) as { invoice: string }).invoice, /^lnbcrt/);
  network.kill('SIGTERM');
  assert.deepEqual(await once(network, 'exit'), [0, null]);
  assert.equal(existsSync(file), false);
  await assert.rejects(fetch(controlUrl), 'nothing listens any more');
});

test('by npx, too, its options reach it and not Node.js, which has some of its own', () => {
  const answer = execFileSync('npx', ['amplet-regtest', '--output', 'env.json', '--gateways', '2', '--help'], {
    cwd: folder,
    encoding: 'utf8',
  });
  assert.match(answer, /--output FILE/);
});

test('a wrong option is named, and help is there', async () => {
  const wrong = start('--gatways', '3');
  let text = '';
  wrong.stderr?.on('data', (data: Buffer) => (text += data.toString()));
  assert.deepEqual(await once(wrong, 'exit'), [1, null]);
  assert.match(text, /gatways/);
  const help = start('--help');
  assert.deepEqual(await once(help, 'exit'), [0, null]);
});
