import assert from 'node:assert/strict';
import { test } from 'node:test';
import { examples, get, invoice, keysend, post, win } from '../lib/network.mjs';

const game = examples.game;

test('a life that was not paid is not played', async () => {
  const { id } = (await post(`${game}/api/lives`, { order: crypto.randomUUID() })).json();
  assert.equal((await get(`${game}/api/lives/${id}`)).json().state, 'open');
  assert.equal((await post(`${game}/api/lives/${id}/guess`, { guess: 'higher' })).status, 404);
  const { invoice: mine } = await invoice(25_000);
  assert.equal((await post(`${game}/api/lives/${id}/prize`, { invoice: mine })).status, 404);
});

test('a life by a stream is one that has come in, to the millisatoshi', async () => {
  const { id, nodeId, lifeMsat } = (await post(`${game}/api/players`, {})).json();
  const life = () => post(`${game}/api/players/${id}/lives`, {});
  assert.equal((await life()).status, 402, 'nothing is paid yet: there is no credit');
  assert.equal(await keysend(nodeId, id, Number(lifeMsat) - 1), 'succeeded');
  assert.equal((await life()).status, 402, 'one millisatoshi is missing');
  assert.equal(await keysend(nodeId, id, Number(lifeMsat) + 1), 'succeeded');
  const three = await Promise.all([life(), life(), life()]);
  assert.deepEqual(three.map(({ status }) => status).sort(), [201, 201, 402], 'the same money is used once');
  const made = three.find(({ status }) => status === 201)?.json();
  assert.deepEqual([made.receivedMsat, made.game, made.right], [String(2 * Number(lifeMsat)), 'playing', 0]);
  const guessed = await post(`${game}/api/lives/${made.id}/guess`, { guess: 'higher' });
  assert.equal(guessed.status, 200);
  assert.equal((await post(`${game}/api/players/none/lives`, {})).status, 404);
});

test('a win is paid once, and no more than the prize', async () => {
  const { life } = await win(game);
  /** @param {unknown} body */
  const claim = (body) => post(`${game}/api/lives/${life}/prize`, /** @type {object} */ (body));
  assert.equal((await claim({ invoice: 'lnbcrt1x' })).status, 409);
  assert.equal((await claim({})).status, 400);
  assert.equal((await claim({ invoice: (await invoice(25_001)).invoice })).status, 409, 'more than the prize');
  const [one, two] = [await invoice(25_000), await invoice(25_000)];
  const both = await Promise.all([claim({ invoice: one.invoice }), claim({ invoice: two.invoice })]);
  assert.deepEqual(both.map(({ status }) => status).sort(), [200, 409], 'two at once, one prize');
  const again = await claim({ invoice: two.invoice });
  assert.deepEqual([again.status, again.json().game], [200, 'paidOut']);
  assert.equal((await post(`${game}/api/lives/${life}/guess`, { guess: 'higher' })).status, 409);
});
