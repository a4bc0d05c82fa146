/** Budgets that are handed out: what a holder gets, and what nobody else does. */

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test, vi } from 'vitest';
import type { WalletError } from '../../src/base/error.ts';
import type { Payment } from '../../src/base/protocol.ts';
import { BudgetLinks, type HandedOut } from '../../src/sites/links/links.ts';
import { LinkRecords } from '../../src/sites/links/records.ts';
import { budgetPayer } from '../../src/sites/links/payer.ts';
import { serveBudgets } from '../../src/sites/links/serve.ts';
import { WalletStore } from '../../src/sites/wallet-store.ts';
import { proves } from '../../src/sites/proof.ts';
import { fakeWallet, type FakeWallet } from '../../src/sites/testing/fake-wallet.ts';
import { budgetCode, readLink, writeLink } from '../../src/wallet/links/code.ts';
import { ConnectedBudget } from '../../src/wallet/links/connected.ts';
import { sealRequest } from '../../src/wallet/links/seal.ts';
import { write } from '../../src/wallet/links/letters.ts';
import { BudgetWallet, FakeBoxes, GATEWAY } from './link-fakes.ts';

const MIA = { kind: 'child', id: 'Mia' } as const;
const REAL =
  'lnbc2500u1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdq5xysxxatsyp3k7enxv4jsxqzpu9qrsgquk0rl77nj30yxdy8j9vdx85fkpmdla2087ne0xh8nhedh8w27kyke0lp53ut353s06fv3qfegext0eh0ymjpf39tuven09sam30g4vgpfna3rh';
const code = (error: unknown): string => (error as WalletError).code;

/** On a loaded machine answers take their time; where none comes, it is short. */
const PATIENT = { answerMs: 30_000, payMs: 30_000 };
const HASTY = { answerMs: 1500, payMs: 1500 };
const WAIT = { timeout: 20_000 };

let boxes: FakeBoxes;
let owner: BudgetWallet;
let shop: FakeWallet;
let links: BudgetLinks;
let ended: AbortController;
let open: ConnectedBudget[];

beforeEach(() => {
  boxes = new FakeBoxes();
  owner = new BudgetWallet();
  shop = fakeWallet();
  links = new BudgetLinks(owner);
  ended = new AbortController();
  open = [];
  vi.stubGlobal('fetch', boxes.fetch);
});

afterEach(() => {
  ended.abort();
  for (const budget of open) budget.close();
  vi.unstubAllGlobals();
});

const serve = (wallet = owner): Promise<void> => serveBudgets(wallet, { signal: ended.signal });
const invoice = async (amountMsat = 200_000n): Promise<string> =>
  (await shop.receive({ amountMsat, description: 'Ice' })).invoice;

async function connected(link: HandedOut, times = {}): Promise<ConnectedBudget> {
  const budget = new ConnectedBudget(readLink(`https://wallet.example/#/budget/${await links.code(link.id)}`), times);
  open.push(budget);
  return budget;
}

async function handedOut(): Promise<{ link: HandedOut; mia: ConnectedBudget }> {
  const link = await links.handOut({ holder: MIA, mailbox: `${GATEWAY}/any/path` });
  return { link, mia: await connected(link, PATIENT) };
}

test('a code is read as it was written, out of a link too, and nothing else is one', () => {
  const link = {
    secret: new Uint8Array(16).fill(1),
    publicKey: new Uint8Array(65).fill(4),
    box: '0f'.repeat(16),
    gateway: GATEWAY,
  };
  const written = writeLink(link);
  assert.deepEqual(readLink(`https://wallet.example/#/budget/${written}\n`), link);
  assert.equal(budgetCode(`see ${written}`), written);
  for (const wrong of ['', 'budget1', 'pair1AAAA', written.slice(0, 60), `${written}!`, `${written} more`])
    assert.throws(
      () => readLink(wrong),
      (error) => code(error) === 'invalidInput',
      wrong,
    );
  const elsewhere = writeLink({ ...link, gateway: 'javascript:alert(1)' });
  assert.throws(
    () => readLink(elsewhere),
    (error) => code(error) === 'invalidInput',
  );
});

test('a holder sees what is left, pays, and sees its own payments', async () => {
  void serve();
  const { mia } = await handedOut();
  const before = await mia.info();
  assert.equal(before.name, 'Mia');
  assert.equal(before.kind, 'child');
  assert.equal(before.leftMsat, 1_000_000n);
  assert.equal(before.usage[0]?.until, 1_900_000_000n);
  assert.equal(before.expiresAt, 2_000_000_000n);
  const read = await mia.inspect(await invoice(300_000n));
  assert.equal(read.amountMsat, 300_000n);
  assert.equal(read.description, 'Ice');
  assert.equal(read.problem, null);
  const paid = await mia.pay(read.invoice);
  assert.equal(paid.state, 'succeeded');
  assert.ok(await proves(paid.preimage!, paid.id));
  assert.equal((await mia.info()).leftMsat, 700_000n);
  assert.deepEqual(await mia.payment(paid.id), paid);
  const pages = [];
  for await (const page of mia.history()) pages.push(...page);
  assert.deepEqual(pages, [paid]);
  assert.equal(JSON.parse(JSON.stringify(paid)).amountMsat, '300000');
});

test('the gateway reads neither question nor answer', async () => {
  void serve();
  const { mia } = await handedOut();
  await mia.pay(await invoice());
  const seen = boxes.put.map(({ letter }) => new TextDecoder('latin1').decode(letter)).join();
  assert.ok(boxes.put.length >= 4);
  assert.doesNotMatch(seen, /lnfake|Mia|info|msat/i);
});

test('what the budget refuses is not paid, and the holder learns the numbers', async () => {
  void serve();
  const { mia } = await handedOut();
  const dear = await invoice(1_500_000n);
  assert.equal((await mia.inspect(dear)).problem?.code, 'budgetRefused');
  await assert.rejects(mia.pay(dear), (error: WalletError) => {
    assert.equal(error.code, 'budgetRefused');
    assert.equal(error.outcome, 'notSent');
    assert.equal(error.budget?.leftMsat, 1_000_000n);
    assert.equal(error.budget?.neededMsat, 1_500_000n);
    return true;
  });
  assert.equal((await shop.balance()).spendableMsat, 1_000_000_000n);
});

test('the same invoice is paid once, whoever asks how often', async () => {
  void serve();
  const { mia } = await handedOut();
  const once = await invoice();
  const [one, other] = await Promise.all([mia.pay(once), mia.pay(once)]);
  assert.deepEqual(one, other);
  assert.deepEqual(await mia.pay(once), one);
  assert.equal(owner.spentMsat, 200_000n);
});

test("what the wallet paid otherwise is not the holder's", async () => {
  void serve();
  const { mia } = await handedOut();
  const own = await invoice();
  owner.spentMsat = 0n;
  const { id } = await owner.pay(own, { authorization: { holder: MIA } });
  await assert.rejects(mia.payment(id), (error) => code(error) === 'invalidInput');
  await assert.rejects(mia.pay(own), (error) => code(error) === 'alreadyPaid');
  for await (const page of mia.history()) assert.fail(`${page.length} payments`);
});

test('it is paused, goes on, is renamed and taken back', async () => {
  void serve();
  const { link, mia } = await handedOut();
  assert.equal((await links.list())[0]?.usedAt, null);
  await mia.info();
  assert.ok((await links.list())[0]!.usedAt! > 1_700_000_000n);
  await links.pause(link.id);
  await assert.rejects(mia.info(), (error) => code(error) === 'linkPaused');
  const asked = await invoice();
  await assert.rejects(
    mia.pay(asked),
    (error: WalletError) => error.code === 'linkPaused' && error.outcome === 'notSent',
  );
  await links.resume(link.id);
  await links.rename(link.id, ' Mia and Tom ');
  assert.equal((await mia.info()).name, 'Mia and Tom');
  await links.takeBack(link.id);
  assert.deepEqual(await links.list(), []);
  await assert.rejects(
    mia.pay(asked),
    (error: WalletError) => error.code === 'linkTakenBack' && error.outcome === 'notSent',
  );
  assert.equal(owner.asked, 0);
  const again = await links.handOut({ holder: MIA, mailbox: GATEWAY });
  assert.notEqual(again.id, link.id);
});

test('what is paused or taken back while it is used stays so', async () => {
  void serve();
  const { link, mia } = await handedOut();
  const set = owner.setSiteRecords.bind(owner);
  let meanwhile = links.pause.bind(links);
  owner.setSiteRecords = async (records) => {
    const act = records.some(({ key }) => key.includes('used')) ? meanwhile : null;
    if (act !== null) {
      owner.setSiteRecords = set;
      await act(link.id);
    }
    await set(records);
  };
  await mia.info();
  assert.equal((await links.list())[0]?.paused, true);
  await assert.rejects(mia.info(), (error) => code(error) === 'linkPaused');
  meanwhile = links.takeBack.bind(links);
  await meanwhile(link.id);
  assert.deepEqual(await links.list(), []);
});

test('a budget has one link; there is none for a site, or without a budget', async () => {
  const { link } = await handedOut();
  assert.deepEqual(await links.handOut({ holder: MIA, mailbox: GATEWAY }), link);
  for (const holder of [
    { kind: 'child', id: 'Tom' },
    { kind: 'site', origin: GATEWAY, topLevel: GATEWAY },
  ])
    await assert.rejects(
      links.handOut({ holder: holder as typeof MIA, mailbox: GATEWAY }),
      (error) => code(error) === 'invalidInput',
    );
});

test('it answers after the wallet was opened again, and a link made meanwhile is heard of', async () => {
  const first = new AbortController();
  const serving = serveBudgets(owner, { signal: first.signal });
  const { mia, link } = await handedOut();
  const paid = await mia.pay(await invoice());
  first.abort();
  await serving;
  await assert.rejects((await connected(link, HASTY)).info(), (error) => code(error) === 'walletOffline');
  void serve();
  assert.deepEqual(await mia.payment(paid.id), paid);
});

test('a wallet that is not open is told so, and nothing was sent', async () => {
  const { link } = await handedOut();
  const mia = await connected(link, HASTY);
  await assert.rejects(
    mia.pay(REAL),
    (error: WalletError) => error.code === 'walletOffline' && error.outcome === 'notSent',
  );
  boxes.down = true;
  await assert.rejects(
    mia.pay(REAL),
    (error: WalletError) => error.code === 'gatewayOffline' && error.outcome === 'notSent',
  );
});

test('a payment whose answer is lost is open, and can be looked up', async () => {
  void serve();
  const { link } = await handedOut();
  const mia = await connected(link, { ...PATIENT, payMs: 1500 });
  await mia.info();
  const asked = await invoice();
  const box = boxes.put[0]!.name;
  boxes.loses = (name) => name !== box;
  await assert.rejects(
    mia.pay(asked),
    (error: WalletError) => error.code === 'walletOffline' && error.outcome === 'open',
  );
  boxes.loses = () => false;
  await vi.waitFor(() => assert.equal(owner.spentMsat, 200_000n), WAIT);
  assert.equal((await mia.payment(asked.slice('lnfake'.length))).state, 'succeeded');
  boxes.loses = () => true;
  await assert.rejects(mia.pay(REAL), (error: WalletError) => {
    assert.equal(error.outcome, 'open');
    assert.equal(error.paymentId, '0001020304050607080900010203040506070809000102030405060708090102');
    return true;
  });
});

test('an aborted wait leaves the outcome open, and closing says so', async () => {
  void serve();
  const { mia } = await handedOut();
  await mia.info();
  let go = (): void => {};
  owner.before = () => new Promise((resolve) => (go = resolve));
  const stop = new AbortController();
  const paying = mia.pay(await invoice(), { signal: stop.signal });
  await vi.waitFor(() => assert.equal(owner.asked, 1), WAIT);
  stop.abort();
  await assert.rejects(paying, (error: WalletError) => error.code === 'timeout' && error.outcome === 'open');
  go();
  const waiting = mia.pay(await invoice());
  await vi.waitFor(() => assert.equal(owner.asked, 2), WAIT);
  mia.close();
  await assert.rejects(waiting, (error: WalletError) => error.code === 'closed' && error.outcome === 'open');
  go();
  await assert.rejects(mia.info(), (error) => code(error) === 'closed');
});

test('a letter that comes again, is old, or is made without the secret, does nothing', async () => {
  void serve();
  const { mia, link } = await handedOut();
  await mia.pay(await invoice());
  const sent = boxes.put.filter(({ name }) => name === boxes.put[0]!.name);
  const answers = (): number => boxes.put.filter(({ name }) => name !== sent[0]!.name).length;
  const before = answers();
  boxes.add(sent[1]!.name, sent[1]!.letter);
  await vi.waitFor(() => assert.equal(answers(), before + 1), WAIT);
  assert.equal(owner.asked, 1);

  const { secret, publicKey } = readLink(await links.code(link.id));
  const asked = await invoice();
  const now = Math.floor(Date.now() / 1000);
  const ask = async (key: typeof secret, at: number): Promise<void> => {
    const request = { method: 'pay', invoice: asked, amountMsat: null, maxFeeMsat: null } as const;
    const { letter } = await sealRequest(key, publicKey, write({ ...request, id: `${at} ${key[0]}`, at }));
    // The link's id is no secret: the gateway sees it.
    letter.set(sent[0]!.letter.subarray(0, 16));
    boxes.add(sent[0]!.name, letter);
  };
  await ask(secret, now - 3600);
  await vi.waitFor(() => assert.equal(answers(), before + 2), WAIT);
  await ask(new Uint8Array(16), now);
  boxes.add(sent[0]!.name, new Uint8Array(40));
  boxes.add(sent[0]!.name, new Uint8Array(400));
  await mia.info();
  assert.equal(owner.asked, 1, 'neither of them was paid');
});

test('one link asks so much at a time, and the others are answered', async () => {
  void serve();
  const { mia } = await handedOut();
  await mia.info();
  let go = (): void => {};
  const gate = new Promise<void>((resolve) => (go = resolve));
  owner.before = () => gate;
  const invoices = await Promise.all(Array.from({ length: 5 }, () => invoice(1000n)));
  const paying = Promise.allSettled(invoices.map((one) => mia.pay(one)));
  await vi.waitFor(() => assert.equal(owner.asked, 4), WAIT);
  await assert.rejects(mia.info(), (error) => code(error) === 'busy');
  go();
  const outcomes = await paying;
  assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 4);
});

test('it pays for requests within what they may cost', async () => {
  void serve();
  const { mia } = await handedOut();
  const payer = budgetPayer(mia);
  const asked = await invoice();
  const { paymentHash } = await payer.inspect(asked);
  assert.equal((await payer.lookup(paymentHash)).state, 'failed');
  const cheap = { origin: 'https://site.example', maxCostMsat: 100_000n };
  await assert.rejects(payer.pay(asked, cheap), (error) => code(error) === 'tooExpensive');
  const outcome = await payer.pay(asked, { ...cheap, maxCostMsat: 200_000n });
  assert.equal(outcome.state, 'succeeded');
  assert.deepEqual(await payer.lookup(paymentHash), outcome);
});

test('of the wallet itself a holder learns nothing', async () => {
  void serve();
  const { mia } = await handedOut();
  owner.failNext('insufficientBalance', 'You have 12345 sat.');
  await assert.rejects(mia.pay(await invoice()), (error: WalletError) => {
    assert.equal(error.code, 'insufficientBalance');
    assert.doesNotMatch(error.message, /12345/);
    return error.outcome === 'notSent';
  });
});

test('a hundred payments are known as its own, the newest first', async () => {
  void serve();
  const { mia, link } = await handedOut();
  const store = new WalletStore(() => owner);
  const records = new LinkRecords(store);
  for (let number = 0; number < 105; number++)
    for (const { key, value } of await records.pays(link.id, `hash${number}`, 1_000_000 + number))
      await (value === undefined ? store.delete(key) : store.set(key, value));
  const paid = await records.paid(link.id);
  assert.deepEqual([paid.length, paid[0], paid.at(-1)], [100, 'hash5', 'hash104']);
  owner.payment = async (id) => ({ ...(await begin(id)), state: 'succeeded' });
  const pages = [];
  for await (const page of mia.history()) pages.push(page);
  assert.deepEqual([pages.length, pages[0]?.length, pages[0]?.[0]?.id], [13, 8, 'hash104']);
});

const begin = async (id: string): Promise<Payment> => {
  const asked = await shop.receive({ amountMsat: 1n, description: 'x'.repeat(639) });
  return { ...(await shop.payment(asked.paymentHash)), id, preimage: 'ab'.repeat(32) };
};
