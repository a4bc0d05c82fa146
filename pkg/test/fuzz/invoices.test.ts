/** Invoices in texts, as they are read without the engine: a hash, or none. */

import assert from 'node:assert/strict';
import { bech32 } from '@scure/base';
import { descriptionHash, paymentHash } from '../../src/base/bolt11.ts';
import { damaged, fuzz } from './fuzz.ts';

const INVOICE =
  'lnbcrt10u1p40mpkqpp555gw7g98ghrum68ymfzls4edj6cdauq3w6u5lx005uy4vazl9xdqsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygsdqgwpex7cn9xqxfvcqcq9qy9qsqa47lynf7ynmqeffe97dsmhrry73g7gk6n6vdfn3vuz9ak8ck548ja08qnr5uzs8wv6dfahgpzd49hjlmv0qmmsk7mq6p4xqlkth2fjgqjx07t3';

fuzz('invoices in texts', (dice) => {
  const words = bech32.decodeUnsafe(INVOICE, false)!.words.slice();
  for (let times = dice.below(4); times > 0; times -= 1) words[dice.below(words.length)] = dice.below(32);
  const invoice = bech32.encode(
    'lnbcrt10u',
    words.slice(0, dice.below(2) === 0 ? words.length : dice.below(words.length)),
    false,
  );
  const hash = paymentHash(damaged(dice, `Pay me: lightning:${dice.pick([INVOICE, invoice])} thanks!`, invoice));
  if (hash !== null) assert.match(hash, /^[0-9a-f]{64}$/);
  const committed = descriptionHash(invoice);
  if (committed !== null) assert.match(committed, /^(?:[0-9a-f]{64})?$/);
});
