/** What services behind LNURLs answer: read or refused, within the bounds that are shown. */

import assert from 'node:assert/strict';
import { ProviderError } from '../../src/sites/errors.ts';
import { askService } from '../../src/sites/lnurl/service.ts';
import { readSuccess, revealed } from '../../src/sites/lnurl/success.ts';
import type { Site } from '../../src/sites/types.ts';
import { anything, damaged, type Dice, fuzz, isAskable, refusedOr, rejectedOr } from './fuzz.ts';

const SITE: Site = { origin: 'https://shop.example', topLevel: 'https://shop.example' };
const METADATA = '[["text/plain","a tip"],["image/png;base64","AA=="]]';
const SUCCESS = {
  tag: 'aes',
  description: 'x',
  ciphertext: 'AAAAAAAAAAAAAAAAAAAAAA==',
  iv: 'AAAAAAAAAAAAAAAAAAAAAA==',
};
const ANSWERS: readonly Record<string, unknown>[] = [
  {
    tag: 'payRequest',
    callback: 'https://service.example/pay',
    minSendable: 1,
    maxSendable: 9_000,
    metadata: METADATA,
    commentAllowed: 5,
    payerData: { name: { mandatory: true }, auth: { mandatory: false, k1: '00'.repeat(32) } },
    successAction: SUCCESS,
  },
  {
    tag: 'withdrawRequest',
    callback: 'https://service.example/take',
    k1: 'k',
    minWithdrawable: 1,
    maxWithdrawable: 9,
    defaultDescription: 'x',
    pinLimit: 5,
    successAction: { tag: 'url', description: 'x', url: 'https://service.example/thanks' },
  },
  { status: 'ERROR', reason: 'no' },
  { tag: 'channelRequest', successAction: { tag: 'message', message: 'thanks' } },
];

/** An answer, some of whose fields are something else, and some of whose text is damaged. */
function answer(dice: Dice): Record<string, unknown> {
  const all: Record<string, unknown> = { ...dice.pick(ANSWERS) };
  for (let times = dice.below(4); times > 0; times -= 1) {
    const key = dice.pick(Object.keys(all));
    const value = all[key];
    all[key] = typeof value === 'string' && dice.below(2) === 0 ? damaged(dice, value) : anything(dice);
  }
  return all;
}

fuzz('lnurl answers', async (dice) => {
  const fields = answer(dice);
  const text = JSON.stringify(fields);
  const body = dice.below(4) === 0 ? damaged(dice, text) : text;
  const fetch: typeof globalThis.fetch = () =>
    Promise.resolve(new Response(body, { status: dice.pick([200, 400, 500]) }));
  const url = new URL('https://service.example/x');
  const service = await rejectedOr(ProviderError, askService(fetch, SITE, url, new AbortController().signal));
  if (service !== null && !('status' in service)) {
    isAskable(service.callback);
    assert.ok(service.minMsat >= 1n && service.minMsat <= service.maxMsat);
    assert.ok(service.text.length <= 2_000);
    if (service.tag === 'payRequest') assert.ok(service.commentLength >= 0 && service.commentLength <= 2_000);
  }
  const success = refusedOr(ProviderError, () => readSuccess(fields['successAction'], url));
  if (success === null) return;
  const shown = await revealed(success, 'ab'.repeat(32));
  if (shown.url !== null) assert.equal(new URL(shown.url).hostname, url.hostname);
});
