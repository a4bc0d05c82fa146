/** LNURLs: read or refused, and nothing is asked but https, an onion service or this machine. */

import assert from 'node:assert/strict';
import { bech32 } from '@scure/base';
import { ProviderError } from '../../src/sites/errors.ts';
import { lnurlTarget } from '../../src/sites/lnurl/service.ts';
import { damaged, fuzz, isAskable, refusedOr } from './fuzz.ts';

const URLS = [
  'https://service.example/pay?id=1',
  'http://abcdefgh.onion/x',
  'https://service.example/login?tag=login&k1=00',
  'https://service.example/gift?lightning=lnurl1dp68gurn8ghj7umgdaczuetcv9khqmr99acxz7fld9jr6vglt63jx',
];
const encoded = (text: string): string => bech32.encode('lnurl', bech32.toWords(new TextEncoder().encode(text)), false);
const TEXTS = [
  ...URLS,
  ...URLS.map(encoded),
  'lightning:lnurl1dp68gurn8ghj7umgdaczuetcv9khqmr99acxz7fld9jr6vglt63jx',
  'lnurlp://service.example/pay?x=1',
  'keyauth://service.example/login',
  'Alice+Tip@127.0.0.1:8090',
  '⚡alice@bücher.example',
  '₿alice@shop.example',
  'bitcoin:bcrt1qbroken?label=pay@evil.example',
];

fuzz('lnurl texts', (dice) => {
  const text = dice.pick(TEXTS);
  // Damage under a right checksum gets beyond the first check.
  const other = dice.pick(TEXTS);
  const url = refusedOr(ProviderError, () =>
    lnurlTarget(dice.below(3) === 0 ? encoded(damaged(dice, dice.pick(URLS), other)) : damaged(dice, text, other)),
  );
  if (url === null) return;
  isAskable(url);
  const again = refusedOr(ProviderError, () => lnurlTarget(encoded(url.href)));
  assert.equal(again?.href, url.href);
});
