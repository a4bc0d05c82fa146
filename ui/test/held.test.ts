/** What the holder of somebody else's budget is told: nothing of a wallet of its own. */

import assert from 'node:assert/strict';
import { test } from 'vitest';
import { m } from '../src/paraglide/messages.js';
import { heldHelp } from '../src/text/held.ts';

const SURROUNDINGS = { unit: 'sat', locale: 'en', network: 'regtest' } as const;
const help = (code: Parameters<typeof heldHelp>[0]['code'], more = {}): string =>
  heldHelp({ code, ...more }, SURROUNDINGS);

test('what is in the way of another wallet is not worded as if it were the own one', () => {
  assert.equal(help('insufficientBalance'), m.held_insufficient());
  assert.equal(help('approvalNeeded'), m.held_approval());
  assert.equal(help('gatewayOffline'), m.held_offline());
  assert.equal(help('walletOffline'), m.help_walletOffline());
});

test('a refusal has its numbers', () => {
  const budget = {
    budget: 1,
    reason: 'limit',
    rule: 'calendarMonth',
    limitMsat: 1_000_000n,
    leftMsat: 400_000n,
    neededMsat: 950_000n,
    until: null,
  };
  const told = help('budgetRefused', { budget });
  for (const number of ['1,000', '400', '950']) assert.ok(told.includes(number), told);
});
