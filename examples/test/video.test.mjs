import assert from 'node:assert/strict';
import { test } from 'node:test';
import { examples, get, keysend, post } from '../lib/network.mjs';

test('the film goes on as long as it is paid, to the millisatoshi', async () => {
  const { id, nodeId, priceMsat } = (await post(`${examples.video}/api/viewings`, {})).json();
  const viewing = `${examples.video}/api/viewings/${id}`;
  /** @param {unknown} number */
  const second = (number) => post(`${viewing}/seconds`, { second: number });
  assert.equal((await second(0)).status, 402, 'nothing is paid yet');
  assert.equal(await keysend(nodeId, id, Number(priceMsat) - 1), 'succeeded');
  assert.equal((await second(0)).status, 402, 'one millisatoshi is missing');
  assert.equal(await keysend(nodeId, id, 2), 'succeeded');
  const both = await Promise.all([second(0), second(0)]);
  assert.deepEqual(both.map(({ status }) => status).sort(), [200, 402], 'the same credit is used once');
  const shown = both.find(({ status }) => status === 200)?.json();
  assert.deepEqual([shown.usedMsat, shown.receivedMsat, shown.leftMsat], ['1000', '1001', '1']);
  assert.equal(shown.scene.sparks.length, 48);
  const coming = keysend(nodeId, id, 999);
  let late = await second(1);
  // It waits for credit that is on its way, though not for ever.
  while (late.status === 402) late = await second(1);
  assert.equal(late.status, 200);
  assert.equal(await coming, 'succeeded');
  assert.deepEqual((await get(viewing)).json(), { usedMsat: '2000', receivedMsat: '2000', leftMsat: '0' });
  for (const wrong of [-1, 60, 1.5, 'x', null]) assert.equal((await second(wrong)).status, 400, String(wrong));
  assert.equal((await get(`${examples.video}/api/viewings/none`)).status, 404);
});
