import assert from 'node:assert/strict';
import { test } from 'vitest';
import {
  type Answer,
  type Server,
  ORIGIN,
  PAGE,
  charging,
  harness,
  invoiceHash,
  l402,
  shop,
} from './navigation-fakes.ts';
import { Failure, sha256, turn } from './site-fakes.ts';

test('a page is paid for within the budget, loaded once more, and the next one is not paid for', async () => {
  const { wallet, user, visit, restart } = harness(shop);
  assert.deepEqual(await visit(), { step: { do: 'nothing' }, loads: 2, problem: null });
  restart();
  assert.equal((await visit(`${ORIGIN}/yesterday`)).loads, 2);
  assert.equal((await visit(PAGE, { tabId: 7 })).loads, 2);
  assert.equal(wallet.paid.length, 1);
  assert.deepEqual(wallet.paid[0]!.authorization, {
    holder: { kind: 'site', origin: ORIGIN, topLevel: ORIGIN },
    purpose: 'page',
  });
  assert.deepEqual(user.asked, []);
});

test('old servers get LSAT', async () => {
  const { visit, seen, state } = harness(shop);
  state.server = (_url, authorization, issue) =>
    authorization?.startsWith('LSAT m:') ? { statusCode: 200 } : l402(issue(), 'm', 'LSAT');
  assert.equal((await visit()).loads, 2);
  assert.match(seen[1]!, /^LSAT m:[0-9a-f]{64}$/);
});

test('without a budget the user is asked, about this page and this price', async () => {
  const { wallet, user, visit } = harness(shop, { budget: null });
  assert.equal((await visit()).loads, 2);
  const [question] = user.asked;
  assert.ok(question?.kind === 'payment');
  assert.deepEqual([question.context, question.invoice.amountMsat], [{ kind: 'page', url: PAGE }, 10_000n]);
  assert.equal(wallet.paid[0]!.authorization.approvedMsat, 11_000n);
  const refusing = harness(shop, { budget: null });
  refusing.user.answer = () => ({ allowed: false });
  assert.equal((await refusing.visit()).problem, 'notPaid');
  assert.deepEqual([refusing.wallet.paid.length, (await refusing.state.machine.undelivered()).length], [0, 0]);
});

test('another site that leads a tab to a page spends none of its budget', async () => {
  const { wallet, user, respond, state } = harness(shop);
  user.answer = () => ({ allowed: false });
  const step = await state.machine.observe(respond(PAGE, null, 1, { uninvited: true }));
  assert.equal(step.do === 'show' && step.problem, 'notPaid');
  assert.deepEqual([user.asked.length, wallet.paid.length], [1, 0]);
  user.answer = () => ({ allowed: true });
  assert.equal((await state.machine.observe(respond(PAGE, null, 1, { uninvited: true }))).do, 'reload');
});

test('a credential that a page answers with 401 is dropped, and the next visit is paid for', async () => {
  const { wallet, visit, state, store } = harness(shop);
  await visit();
  const { server } = state;
  const [paid] = [...store.all.keys()].filter((key) => key.startsWith('credential/'));
  const old = store.all.get(paid!);
  state.server = (url, authorization, issue) => {
    const answer = server(url, null, issue);
    return authorization === null ? answer : { statusCode: 401, headers: [] };
  };
  assert.equal((await visit()).problem, 'notPaid');
  assert.equal(store.all.has(paid!), false);
  assert.equal(wallet.paid.length, 1);
  state.server = server;
  assert.equal((await visit()).problem, null);
  assert.equal(wallet.paid.length, 2);
  assert.notEqual(store.all.get(paid!), old);
});

test('only a GET of the page in the address bar is paid for', async () => {
  const { wallet, user, respond, state, visit } = harness(shop);
  for (const type of ['image', 'sub_frame', 'xmlhttprequest', 'other', 'script']) {
    assert.deepEqual(await state.machine.observe(respond(`${ORIGIN}/favicon.ico`, null, 1, { type })), {
      do: 'nothing',
    });
  }
  assert.deepEqual(await state.machine.observe(respond(PAGE, null, 1, { ahead: true })), { do: 'nothing' });
  for (const method of ['POST', 'HEAD', 'PUT'])
    assert.deepEqual((await visit(PAGE, { method })).step, { do: 'nothing' });
  for (const url of ['http://news.example/', 'http://192.168.1.5/'])
    assert.equal((await visit(url)).problem, 'insecure');
  for (const value of [
    'Basic realm="x"',
    'Payment id="1", realm="r", method="stripe", intent="charge", request="e30"',
    '',
  ]) {
    state.server = () => ({ statusCode: 402, headers: [{ name: 'www-authenticate', value }] });
    assert.deepEqual((await visit()).step, { do: 'nothing' }, value);
  }
  assert.deepEqual([wallet.paid.length, user.asked.length], [0, 0]);
});

test('a server that wants money again after it was paid does not get it, and never loops', async () => {
  const greedy: Server = (_url, _authorization, issue) => l402(issue());
  const { wallet, user, visit, state } = harness(greedy);
  const { step, loads } = await visit();
  assert.ok(step.do === 'show' && step.problem === 'notDelivered' && step.receipt);
  assert.equal(loads, 2);
  assert.equal(sha256(step.receipt.preimage!), step.receipt.paymentHash);
  assert.equal(step.receipt.invoice, wallet.paid[0]!.invoice);
  // Loaded again by hand: the credential is tried, and before more is paid the user is asked, budget or no budget.
  user.answer = () => ({ allowed: false });
  assert.equal((await visit()).problem, 'notPaid');
  assert.deepEqual([wallet.paid.length, user.kinds], [1, ['payment']]);
  // What never brought anything stays as a receipt; once the user has seen it, the budget decides again.
  const [receipt] = await state.machine.undelivered();
  assert.deepEqual(receipt, step.receipt);
  await state.machine.forget(receipt.paymentHash);
  assert.deepEqual(await state.machine.undelivered(), []);
  await visit();
  assert.deepEqual([wallet.paid.length, user.kinds], [2, ['payment']]);
});

test('a credential that is used up and a higher price are a new question', async () => {
  const { wallet, user, visit, state } = harness(shop, { budget: 12_000n });
  await visit();
  const price = 50_000n;
  let good = '';
  state.server = (_url, authorization, issue) => {
    if (good !== '' && authorization?.endsWith(good)) return { statusCode: 200 };
    const invoice = issue(price);
    good = wallet.preimageOf(invoice);
    return l402(invoice);
  };
  user.answer = () => ({ allowed: false });
  assert.equal((await visit()).problem, 'notPaid');
  const [question] = user.asked;
  assert.ok(question?.kind === 'payment');
  assert.deepEqual([question.invoice.amountMsat, question.refusal?.code], [50_000n, 'budgetRefused']);
  user.answer = () => ({ allowed: true });
  assert.equal((await visit()).problem, null);
  assert.deepEqual(
    wallet.paid.map(({ amountMsat }) => amountMsat),
    [10_000n, 50_000n],
  );
});

test('a challenge that says another price than its invoice is not paid', async () => {
  const { wallet, visit, state } = harness(charging());
  const honest = state.server;
  state.server = (url, authorization, issue) => honest(url, authorization, () => issue(10_001n));
  assert.equal((await visit()).problem, 'badChallenge');
  state.server = () => l402('garbage');
  assert.equal((await visit()).problem, 'badChallenge');
  state.server = (_url, _authorization, issue) => ({
    ...l402(issue()),
    headers: [{ name: 'www-authenticate', value: 'L402 token="x"' }],
  });
  assert.equal((await visit()).problem, 'badChallenge');
  assert.equal(wallet.paid.length, 0);
});

test('paid, and a page with nothing in it', async () => {
  const nothing: Answer[] = [
    { statusCode: 200, headers: [{ name: 'Content-Length', value: '0' }] },
    { statusCode: 204 },
    { statusCode: 200, empty: true },
    { statusCode: 500 },
    { statusCode: 403 },
  ];
  for (const answer of nothing) {
    const { wallet, visit, state } = harness(shop);
    const honest = state.server;
    state.server = (url, authorization, issue) => (authorization ? answer : honest(url, authorization, issue));
    const { step } = await visit();
    assert.ok(step.do === 'show' && step.problem === 'notDelivered' && step.receipt?.preimage, JSON.stringify(answer));
    assert.deepEqual(await state.machine.undelivered(), [step.receipt]);
    // The credential of L402 is kept: the next visit pays nothing.
    state.server = honest;
    assert.equal((await visit()).problem, null);
    assert.deepEqual([wallet.paid.length, await state.machine.undelivered()], [1, []]);
  }
});

test('a charge may want its credential in a header of its own, and is shown again by a server that was overloaded', async () => {
  const { wallet, visit, state, respond } = harness(charging({ params: ', header="Payment-Authorization"' }));
  const step = await state.machine.observe(respond(PAGE, null));
  assert.ok(step.do === 'reload' && step.header === 'Payment-Authorization');
  const honest = state.server;
  state.server = () => ({ statusCode: 503 });
  const busy = await state.machine.observe(respond(PAGE, step.authorization));
  assert.ok(busy.do === 'show' && busy.problem === 'notDelivered' && /is kept/.test(busy.message));
  state.server = honest;
  assert.equal((await visit()).problem, null);
  assert.deepEqual([wallet.paid.length, await state.machine.undelivered()], [1, []]);
});

test('a charge is good for one page, and is shown when it brought nothing', async () => {
  const { wallet, visit, state } = harness(charging());
  await visit();
  await visit();
  assert.deepEqual([wallet.paid.length, await state.machine.undelivered()], [2, []]);
  const broken = harness(charging({ delivers: false }));
  assert.equal((await broken.visit()).problem, 'notDelivered');
  broken.restart();
  const [receipt] = await broken.state.machine.undelivered();
  assert.deepEqual([receipt?.url, receipt?.amountMsat], [PAGE, 10_000n]);
  await broken.state.machine.forget(receipt!.paymentHash);
  assert.deepEqual(await broken.state.machine.undelivered(), []);
});

test('a charge whose page redirects is delivered', async () => {
  const { respond, state } = harness(charging());
  const step = await state.machine.observe(respond(PAGE, null));
  assert.ok(step.do === 'reload');
  assert.deepEqual(await state.machine.observe(respond(`${PAGE}/`, step.authorization)), { do: 'nothing' });
  assert.deepEqual(await state.machine.undelivered(), []);
});

test('a tab that dies between the payment and the page loses nothing', async () => {
  const { wallet, respond, visit, state, restart, clock } = harness(charging());
  const step = await state.machine.observe(respond(PAGE, null));
  assert.equal(step.do, 'reload');
  await state.machine.closed(1);
  restart();
  assert.equal((await state.machine.undelivered()).length, 1);
  assert.deepEqual(await visit(PAGE, { tabId: 2 }), { step: { do: 'nothing' }, loads: 2, problem: null });
  assert.deepEqual([wallet.paid.length, await state.machine.undelivered()], [1, []]);
  // One whose challenge has run out is shown, and not sent any more.
  await state.machine.observe(respond(PAGE, null));
  await state.machine.closed(1);
  clock.now = Date.parse('2026-11-22T20:05:00Z');
  const { loads, problem } = await visit();
  assert.deepEqual([loads, problem], [1, 'badChallenge']);
  assert.equal((await state.machine.undelivered()).length, 1);
});

test('a host that dies while it pays finds the payment again', async () => {
  for (const server of [shop, charging()]) {
    const { wallet, respond, visit, state, restart } = harness(server);
    wallet.ends = [() => ({ state: 'pending' })];
    void state.machine.observe(respond(PAGE, null));
    while (wallet.paid.length === 0) await turn();
    restart();
    assert.deepEqual(await state.machine.resume(), []);
    assert.equal((await visit()).problem, 'pending');
    const { invoice } = wallet.paid[0]!;
    wallet.outcomes.set(invoiceHash(invoice), { state: 'succeeded', preimage: wallet.preimageOf(invoice) });
    restart();
    const [step] = await state.machine.resume();
    assert.ok(step?.do === 'reload');
    assert.deepEqual([step.tabId, step.url], [1, PAGE]);
    assert.deepEqual(await state.machine.observe(respond(PAGE, step.authorization)), { do: 'nothing' });
    assert.equal(wallet.paid.length, 1);
  }
});

test('a page is noted with its payment and not before, and its proof is in the record of the payment alone', async () => {
  for (const server of [shop, charging({ delivers: false })]) {
    const { wallet, user, visit, respond, store, state, restart } = harness(server, { budget: null });
    user.answer = () => {
      assert.equal(store.all.size, 0, 'while the user is asked');
      return { allowed: false };
    };
    await visit();
    assert.equal(store.all.size, 0);
    user.answer = () => ({ allowed: true });
    await visit();
    const { preimage } = wallet.outcomes.values().next().value as { preimage: string };
    assert.ok(store.all.size > 0);
    assert.ok(![...store.all.values()].some((text) => text.includes(`"preimage":"${preimage}`)));
    restart();
    const receipts = await state.machine.undelivered();
    assert.deepEqual(
      receipts.map((receipt) => receipt.preimage),
      server === shop ? [] : [preimage],
    );
    const step = await state.machine.observe(respond(`${ORIGIN}/yesterday`, null));
    if (server === shop) assert.equal(step.do === 'reload' && step.authorization.includes(preimage), true);
  }
});

test('a tab that went elsewhere while it was paid is left alone, and what was bought waits', async () => {
  const { wallet, respond, visit, state } = harness(charging());
  const gone = new AbortController();
  wallet.ends = [() => ({ state: 'pending' })];
  const step = state.machine.observe(respond(PAGE, null), gone.signal);
  while (wallet.paid.length === 0) await turn();
  gone.abort();
  const { invoice } = wallet.paid[0]!;
  while ((wallet.watchers.get(invoiceHash(invoice))?.size ?? 0) === 0) await turn();
  wallet.end(invoiceHash(invoice), { state: 'succeeded', preimage: wallet.preimageOf(invoice) });
  assert.deepEqual(await step, { do: 'nothing' });
  assert.equal((await visit()).problem, null);
  assert.deepEqual([wallet.paid.length, await state.machine.undelivered()], [1, []]);
});

test('a reload that was not made is not held against the page', async () => {
  const { wallet, respond, state } = harness(charging());
  const first = await state.machine.observe(respond(PAGE, null));
  assert.equal(first.do, 'reload');
  // The tab had gone elsewhere; now it is back, without the header.
  const again = await state.machine.observe(respond(PAGE, null, 1, { authorized: false }));
  assert.ok(again.do === 'reload');
  assert.deepEqual(await state.machine.observe(respond(PAGE, again.authorization, 1, { authorized: true })), {
    do: 'nothing',
  });
  assert.deepEqual([wallet.paid.length, await state.machine.undelivered()], [1, []]);
});

test('a payment that failed while nobody looked is not held against the page', async () => {
  const { wallet, respond, visit, state, restart } = harness(shop);
  wallet.ends = [() => ({ state: 'pending' })];
  void state.machine.observe(respond(PAGE, null));
  while (wallet.paid.length === 0) await turn();
  wallet.outcomes.set(invoiceHash(wallet.paid[0]!.invoice), { state: 'failed', reason: 'no route' });
  restart();
  assert.deepEqual(await state.machine.resume(), []);
  assert.equal((await visit()).problem, null);
  assert.equal(wallet.paid.length, 2);
});

test('what the wallet cannot say is pending, and is not paid twice', async () => {
  const { wallet, visit } = harness(shop);
  wallet.ends = [
    (hash) => {
      wallet.outcomes.set(hash, { state: 'pending' });
      return new Failure('walletCrashed');
    },
  ];
  assert.equal((await visit()).problem, 'pending');
  assert.equal((await visit()).problem, 'pending');
  assert.equal(wallet.paid.length, 1);
});

test('ten tabs at once buy one credential', async () => {
  const { wallet, visit } = harness(shop);
  const visits = await Promise.all(Array.from({ length: 10 }, (_, tabId) => visit(`${PAGE}?${tabId}`, { tabId })));
  assert.ok(visits.every(({ problem, step }) => problem === null && step.do === 'nothing'));
  assert.equal(wallet.paid.length, 1);
});

test('pages that lead to each other end', async () => {
  const { wallet, respond, state } = harness(shop);
  let step = await state.machine.observe(respond(PAGE, null));
  let rounds = 0;
  for (; step.do === 'reload' && rounds < 20; rounds++) {
    // The credential is taken, and leads to the other page without it.
    step = await state.machine.observe(respond(`${PAGE}${rounds}`, null));
  }
  assert.ok(step.do === 'show' && step.problem === 'notDelivered');
  assert.ok(rounds <= 4);
  assert.equal(wallet.paid.length, 1);
});

test('no step comes of noise', async () => {
  const { state } = harness(shop);
  for (const url of ['', 'about:blank', 'data:text/html,x', 'chrome://x', 'https://']) {
    const noise = {
      tabId: 1,
      url,
      method: 'GET',
      statusCode: 402,
      type: 'main_frame',
      headers: [{ name: 'www-authenticate', value: undefined }],
    };
    assert.deepEqual(await state.machine.observe(noise), { do: 'nothing' });
  }
});
