/** Pairing of two devices over a gateway's mailbox: who gets the wallet, and who does not. */

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test, vi } from 'vitest';
import type { WalletError } from '../../src/base/error.ts';
import { readCode, writeCode } from '../../src/wallet/pairing/code.ts';
import { joinPairing, offerPairing, type PairedWallet } from '../../src/wallet/pairing/pairing.ts';
import { deviceKeys, helloKeys, seal, shared } from '../../src/wallet/pairing/seal.ts';

const MAILBOX = 'https://gateway.example';
const WALLET: PairedWallet = {
  mnemonic: 'legal winner thank year wave sausage worth useful legal winner thank yellow',
  network: 'regtest',
  gateways: [{ address: `02${'ab'.repeat(32)}@wss://gateway.example`, trustZeroConf: false }],
  chainSources: [],
  backupUrl: 'https://gateway.example/vss',
};

/** The gateway's mailbox, as crates/gateway/src/desk/pairing.rs has it. */
class Letters {
  readonly all = new Map<string, Uint8Array | null>();
  down = false;

  answer(url: string, body: BodyInit | null | undefined): Response {
    if (this.down) throw new TypeError('network');
    const [, what, id = ''] = /^https:\/\/gateway\.example\/pairing\/v1\/(put|take)\/([0-9a-f]{32})$/.exec(url) ?? [];
    const letter = this.all.get(id);
    if (what === 'put') {
      if (letter !== undefined) return new Response(null, { status: 409 });
      this.all.set(id, new Uint8Array(body as Uint8Array));
      return new Response(null, { status: 201 });
    }
    if (letter === undefined) return new Response(null, { status: 204 });
    if (letter === null) return new Response(null, { status: 410 });
    this.all.set(id, null);
    return new Response(letter as Uint8Array<ArrayBuffer>);
  }
}

let letters: Letters;
let ended: AbortController;

beforeEach(() => {
  letters = new Letters();
  ended = new AbortController();
  vi.stubGlobal('fetch', async (url: string, init?: RequestInit) => letters.answer(url, init?.body));
});

afterEach(() => {
  ended.abort();
  vi.unstubAllGlobals();
});

const offer = () => offerPairing({ mailbox: `${MAILBOX}/any/path`, wallet: WALLET, signal: ended.signal });
const join = (code: string) => joinPairing(code, { device: 'Phone', signal: ended.signal });
const code = (error: unknown): string => (error as WalletError).code;

test('a device gets the wallet once its number was typed on the other', async () => {
  const offered = await offer();
  const joined = await join(`https://wallet.example/#/pair/${offered.code}`);
  assert.equal(await offered.joined, 'Phone');
  assert.match(joined.number, /^\d{6}$/);
  await offered.confirm(`${joined.number.slice(0, 3)} ${joined.number.slice(3)}`);
  assert.deepEqual(await joined.wallet, WALLET);
  await assert.rejects(offered.confirm(joined.number), (error) => code(error) === 'cancelled');
});

test('the gateway reads neither the name nor the wallet', async () => {
  const offered = await offer();
  const joined = await join(offered.code);
  const seen: string[] = [];
  const put = letters.all.set.bind(letters.all);
  letters.all.set = (id, letter) => {
    if (letter !== null) seen.push(new TextDecoder().decode(letter));
    return put(id, letter);
  };
  await offered.confirm(joined.number);
  await joined.wallet;
  assert.equal(seen.length, 1);
  assert.ok(!seen.join().includes('legal') && !seen.join().includes('mnemonic'));
});

test('nothing is sent for a wrong number, and the third one ends it', async () => {
  const offered = await offer();
  const joined = await join(offered.code);
  const wrong = joined.number === '000000' ? '000001' : '000000';
  for (const expected of ['invalidInput', 'invalidInput', 'cancelled', 'cancelled'])
    await assert.rejects(offered.confirm(wrong), (error) => code(error) === expected);
  await assert.rejects(offered.confirm(joined.number), (error) => code(error) === 'cancelled');
  const sent = [...letters.all.values()].filter((letter) => letter !== null);
  assert.equal(sent.length, 0);
});

test('who photographed the code and is first has another number, and the second is told', async () => {
  const offered = await offer();
  const thief = await join(offered.code);
  await assert.rejects(join(offered.code), (error) => code(error) === 'inUse');
  // The user types what the own device shows: it shows no number, and any but the thief's is refused.
  const typed = thief.number === '123456' ? '123457' : '123456';
  await assert.rejects(offered.confirm(typed), (error) => code(error) === 'invalidInput');
});

test('who takes the answer out of the mailbox and puts an own one in has another number', async () => {
  const offered = await offer();
  const joined = await join(offered.code);
  // The gateway itself, with a photograph of the code, replaces the letter before the old device looks.
  const { secret, publicKey } = readCode(offered.code);
  const keys = await helloKeys(secret);
  const theirs = await deviceKeys();
  const hello = JSON.stringify({ name: 'Phone', publicKey: Array.from(theirs.publicKey) });
  letters.all.set(keys.id, await seal(keys, hello));
  assert.equal(await offered.joined, 'Phone');
  const { number } = await shared(secret, theirs, publicKey, theirs.publicKey);
  assert.notEqual(number, joined.number);
  await assert.rejects(offered.confirm(joined.number), (error) => code(error) === 'invalidInput');
});

test('a letter that was tampered with is not believed', async () => {
  const offered = await offer();
  const keys = await helloKeys(readCode(offered.code).secret);
  letters.all.set(keys.id, new Uint8Array(100));
  await assert.rejects(offered.joined, (error) => code(error) === 'corrupt');
});

test('a gateway that is away is waited for, and told where a letter is to be put', async () => {
  const offered = await offer();
  letters.down = true;
  await assert.rejects(join(offered.code), (error) => code(error) === 'gatewayOffline');
  letters.down = false;
  const joined = await join(offered.code);
  await offered.joined;
  letters.down = true;
  await assert.rejects(offered.confirm(joined.number), (error) => code(error) === 'gatewayOffline');
  letters.down = false;
  await offered.confirm(joined.number);
  assert.deepEqual(await joined.wallet, WALLET);
});

test('both end with their signal', async () => {
  const offered = await offer();
  const joined = await join(offered.code);
  ended.abort(new Error('left'));
  await assert.rejects(joined.wallet, /left/);
  await assert.rejects(
    offered.joined.then(() => offered.confirm(joined.number)),
    /left/,
  );
});

test('the code holds for ten minutes', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  try {
    const offered = await offer();
    assert.equal(offered.expiresAt, BigInt(Math.floor(Date.now() / 1000) + 600));
    const over = assert.rejects(offered.joined, (error) => code(error) === 'expired');
    await vi.advanceTimersByTimeAsync(600_000);
    await over;
  } finally {
    vi.useRealTimers();
  }
});

test('a code is read from a link and nothing else is one', async () => {
  const { publicKey } = await deviceKeys();
  const written = { secret: new Uint8Array(16).fill(7), publicKey, mailbox: MAILBOX };
  assert.deepEqual(readCode(writeCode(written)), written);
  assert.deepEqual(readCode(`  https://wallet.example/#/pair/${writeCode(written)}\n`), written);
  for (const text of ['', 'pair1', 'pair1AAAA', 'lnbc1', writeCode({ ...written, mailbox: 'ftp://x' })])
    assert.throws(
      () => readCode(text),
      (error) => code(error) === 'invalidInput',
    );
  await assert.rejects(offerPairing({ mailbox: 'ws://x', wallet: WALLET }), (error) => code(error) === 'invalidInput');
  await assert.rejects(joinPairing(writeCode(written), { device: ' ' }), (error) => code(error) === 'invalidInput');
});
