/** Challenges of HTTP 402: read or refused, read alike when they are written again, and safe to send back. */

import assert from 'node:assert/strict';
import {
  authorization,
  chooseChallenge,
  readChallenges,
  type RawChallenge,
} from '../../src/sites/http402/challenge.ts';
import { PaidFetchError } from '../../src/sites/http402/errors.ts';
import { committedHash } from '../../src/sites/http402/macaroon.ts';
import { readSessionChallenge, sessionCredential } from '../../src/sites/http402/session/challenge.ts';
import { damaged, type Dice, fuzz, refusedOr } from './fuzz.ts';

const HASH = 'ab'.repeat(32);
const REQUEST = {
  amount: '12',
  currency: 'sat',
  paymentHash: HASH,
  depositInvoice: 'lnbc1x',
  methodDetails: { invoice: 'lnbc1x', paymentHash: HASH, network: 'mainnet' },
};
const base64url = (text: string): string => Buffer.from(text).toString('base64url');
const payment = (intent: string, request: string): string =>
  `Payment id="a", realm="shop", method="lightning", intent="${intent}", request="${request}", expires="2036-01-01T00:00:00Z"`;

const HEADERS = [
  'L402 version="0", token="AGIAJEemVQUTEyNCR0exk7ek90Cg==", invoice="lnbc1x"',
  'l402   macaroon="AGIAJEemVQUTEyNCR0exk7ek90Cg==",invoice="lnbc1x"',
  'LSAT macaroon="AAAA", invoice="I", L402 macaroon="BBBB", invoice="I2"',
  'Bearer realm="api", L402 macaroon=AGIA==, invoice=I',
  'Basic realm="a \\"b\\" \\\\", charset="UTF-8", Negotiate oA8+/a=, L402 token=a,invoice=b',
  payment('charge', base64url(JSON.stringify(REQUEST))),
  payment('session', base64url(JSON.stringify(REQUEST))),
];

/** A header, damaged; some with damage inside what is encoded. */
function header(dice: Dice): string {
  const list = Array.from({ length: 1 + dice.below(3) }, () => dice.pick(HEADERS));
  if (dice.below(3) === 0)
    list.push(payment(dice.pick(['charge', 'session']), base64url(damaged(dice, JSON.stringify(REQUEST)))));
  return damaged(dice, list.join(dice.pick([', ', ',', ' '])), dice.pick(HEADERS));
}

const written = ({ scheme, params }: RawChallenge): string => {
  const quoted = (value: string): string => `"${value.replace(/["\\]/g, '\\$&')}"`;
  return `${scheme} ${[...params].map(([name, value]) => `${name}=${quoted(value)}`).join(', ')}`;
};

/** A request can carry it. */
function isSendable(credential: string): void {
  assert.equal(new Headers({ authorization: credential }).get('authorization'), credential);
  assert.match(credential, /^[\x21-\x7e]+ [\x21-\x7e]+$/);
}

const MACAROON = Buffer.from(`0201056c6e642d6e02420000${'cd'.repeat(32)}${'ef'.repeat(32)}0000`, 'hex').toString(
  'latin1',
);

function macaroon(dice: Dice): void {
  const bytes = damaged(dice, MACAROON);
  const token = dice.below(4) === 0 ? bytes : Buffer.from(bytes, 'latin1').toString(dice.pick(['base64', 'base64url']));
  const hash = committedHash(token);
  if (hash !== null) assert.match(hash, /^[0-9a-f]{64}$/);
}

fuzz('challenges', (dice) => {
  macaroon(dice);
  const text = header(dice);
  const raw = readChallenges(text);
  for (const { scheme, params } of raw) {
    assert.match(scheme, /^[^\s",A-Z]+$/);
    for (const name of params.keys()) assert.equal(name, name.toLowerCase());
  }
  const rewritten = raw.map(written).join(', ');
  if (rewritten.length < 30_000) assert.deepEqual(readChallenges(rewritten), raw);
  const challenge = refusedOr(PaidFetchError, () => chooseChallenge(text));
  if (challenge !== null) {
    isSendable(authorization(challenge, HASH));
    assert.notEqual(challenge.invoice, '');
    if (challenge.kind === 'charge') assert.ok(challenge.amountMsat > 0n);
  }
  const session = refusedOr(PaidFetchError, () => readSessionChallenge(text));
  if (session !== null) {
    isSendable(sessionCredential(session, { action: 'bearer', preimage: HASH, sessionId: HASH }));
    assert.ok(session.unitMsat > 0n);
  }
});
