/** The journal of a wallet's files: what is cut off is the past, and whatever else is damaged is told. */

import assert from 'node:assert/strict';
import { WalletError } from '../../src/base/error.ts';
import { holds, read, record, snapshot } from '../../src/platform/node/journal.ts';
import { apply, toKey, type WalletWrite } from '../../src/platform/node/storage.ts';
import { type Dice, fuzz, refusedOr } from './fuzz.ts';

const bytes = (dice: Dice): Uint8Array => Uint8Array.from({ length: dice.below(40) }, () => 1 + dice.below(255));

function writes(dice: Dice): WalletWrite[] {
  return Array.from({ length: dice.below(4) }, () => ({
    name: Uint8Array.of(97 + dice.below(5)),
    value: dice.below(4) === 0 ? null : bytes(dice),
  }));
}

const copyOf = (byName: Map<string, Uint8Array>): string =>
  JSON.stringify([...byName].map(([key, value]) => [key, toKey(value)]).sort());

/** Whatever stands there is read or refused. */
function anyFile(dice: Dice): void {
  const file = Buffer.from(
    Uint8Array.from({ length: dice.below(300) }, () => dice.pick([0, 0, 1, 255, dice.below(256)])),
  );
  snapshot({ origin: { from: 0n, seq: 0n }, seq: 0n, byName: new Map() }).copy(file, 0, 0, dice.below(60));
  refusedOr(WalletError, () => read(file, 'the file'));
}

fuzz('journals', (dice) => {
  anyFile(dice);
  const byName = new Map<string, Uint8Array>();
  apply(byName, writes(dice));
  const seq = BigInt(dice.below(9));
  let file = snapshot({ origin: { from: 1n, seq }, seq, byName });
  const states = [{ length: file.length, state: copyOf(byName) }];
  for (let commit = dice.below(5); commit > 0; commit -= 1) {
    const made = writes(dice);
    apply(byName, made);
    file = Buffer.concat([file, record(seq + BigInt(states.length), made)]);
    states.push({ length: file.length, state: copyOf(byName) });
  }
  assert.ok(holds(file, { origin: { from: 1n, seq }, seq: seq + BigInt(states.length - 1), byName }));
  const at = dice.below(file.length);
  if (dice.below(2) === 0) {
    const found = refusedOr(WalletError, () => read(file.subarray(0, at), 'the file'));
    const kept = states.filter(({ length }) => length <= at).at(-1);
    assert.equal(found === null ? undefined : copyOf(found.byName), kept?.state);
    return;
  }
  const turned = Buffer.from(file);
  for (let times = dice.below(3); times >= 0; times -= 1)
    turned[dice.below(4) === 0 ? dice.below(file.length) : at]! ^= 1 << dice.below(8);
  const found = refusedOr(WalletError, () => read(turned, 'the file'));
  if (turned.equals(file)) assert.notEqual(found, null);
  else assert.equal(found, null, 'damage is told');
});
