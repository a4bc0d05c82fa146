/**
 * Random lives of a wallet in a tab of Chromium (`cargo xtask chaos --browser`), each drawn from a seed and audited at its end. The
 * network is one for all lives; wallet, browsers and ways to the network are a life's own.
 */

import { Network } from '../lib/network.mjs';
import { draw } from './acts.mjs';
import { audit, giveBack, settle } from './audit.mjs';
import { Dice } from './dice.mjs';
import { Life } from './life.mjs';

/** @param {string} name @param {number} otherwise */
const number = (name, otherwise) => Number(process.env[`AMPLET_CHAOS_${name}`] ?? otherwise);
const [SEED, RUNS, ACTS] = [number('SEED', 1), number('RUNS', 15), number('ACTS', 8)];

/** How often each act was done. @type {Map<string, number>} */
const done = new Map();

/** Lives one life; resolves with what is wrong. @param {Life} life @param {number} seed */
async function live(life, seed) {
  await life.create();
  life.say(`wallet ${life.nodeId} has two channels`);
  for (const { name, act, dice } of draw(new Dice(BigInt(seed)), ACTS)) {
    await life.open();
    // Now and then it happens while the wallet has hardly begun.
    if (dice.number(0, 3) > 0) await life.ready();
    life.say(`${name} begins`);
    life.say(`${name}: ${await act(life, dice)}`);
    done.set(name, (done.get(name) ?? 0) + 1);
  }
  await settle(life);
  await giveBack(life);
  await settle(life);
  return audit(life);
}

let unsound = 0;
const network = new Network();
for (let seed = SEED; seed < SEED + RUNS; seed += 1) {
  const life = await Life.begin(network);
  const began = performance.now();
  const wrong = await live(life, seed).catch((error) => [error instanceof Error ? (error.stack ?? '') : String(error)]);
  const seconds = Math.round((performance.now() - began) / 1000);
  console.log(
    `${wrong.length === 0 ? 'sound  ' : 'UNSOUND'} seed ${seed}, ${seconds} s, ${life.bills.length} payments out, ${life.asks.length} in`,
  );
  if (wrong.length > 0) unsound += 1;
  if (wrong.length > 0 || RUNS === 1) {
    for (const line of [...wrong, ...life.log]) console.log(`    ${line}`);
  }
  if (wrong.length > 0) {
    console.log(`    again: cargo xtask chaos --browser --seed ${seed} --runs 1 --acts ${ACTS}`);
  }
  await life.heal();
  await life.end();
}
console.log(
  `acts: ${[...done]
    .map(([name, count]) => `${name} ${count}`)
    .sort()
    .join(', ')}`,
);
// The form of Playwright's counts (crates/xtask/src/test/counts.rs).
console.log(`${RUNS - unsound} passed (lives that were sound)`);
if (unsound > 0) console.log(`${unsound} failed (lives that were unsound)`);
process.exitCode = unsound > 0 ? 1 : 0;
