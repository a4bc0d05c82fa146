#!/usr/bin/env -S node --
// Runs the network from the programs that the package of this platform brings.

import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';

const platform = `amplet-regtest-${process.platform}-${process.arch}`;
let programs;
try {
  programs = join(dirname(createRequire(import.meta.url).resolve(`${platform}/package.json`)), 'bin');
} catch {
  console.error(
    `amplet-regtest: there are no programs for ${process.platform} on ${process.arch} (${platform} is not installed). ` +
      'On Linux x64 install without --omit=optional; elsewhere run `cargo xtask regtest --mine` in the repository, or the container.',
  );
  process.exit(1);
}

const network = spawn(join(programs, 'amplet-regtest'), process.argv.slice(2), { stdio: 'inherit' });
// Ctrl-C reaches the network from the terminal, too; asked twice it ends once.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => network.kill(signal === 'SIGHUP' ? 'SIGTERM' : signal));
network.on('error', (error) => {
  console.error(`amplet-regtest: ${error.message}`);
  process.exit(1);
});
network.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
