import assert from 'node:assert/strict';
import { test } from 'node:test';
import { examples, get, keysend, post } from '../lib/network.mjs';

test('the film goes on as long as no more than the credit is unpaid, to the millisatoshi', async () => {
  const { id, nodeId, priceMsat, creditMsat } = (await post(`${examples.video}/api/viewings`, {})).json();
  const viewing = `${examples.video}/api/viewings/${id}`;
  /** @param {unknown} number */
  const second = (number) => post(`${viewing}/seconds`, { second: number });
  const onCredit = Number(creditMsat) / Number(priceMsat);
  for (let number = 0; number < onCredit; number += 1) assert.equal((await second(number)).status, 200, 'on credit');
  assert.equal((await second(onCredit)).status, 402, 'the credit is used up');
  assert.equal(await keysend(nodeId, id, Number(priceMsat) - 1), 'succeeded');
  assert.equal((await second(onCredit)).status, 402, 'one millisatoshi is missing');
  assert.equal(await keysend(nodeId, id, 2), 'succeeded');
  const both = await Promise.all([second(onCredit), second(onCredit)]);
  assert.deepEqual(both.map(({ status }) => status).sort(), [200, 402], 'the same money is used once');
  const shown = both.find(({ status }) => status === 200)?.json();
  assert.deepEqual([shown.usedMsat, shown.receivedMsat, shown.leftMsat], ['6000', '1001', '-4999']);
  assert.equal(shown.scene.sparks.length, 48);
  const coming = keysend(nodeId, id, 4_999);
  let late = await second(6);
  // It waits for money that is on its way, though not for ever.
  while (late.status === 402) late = await second(6);
  assert.equal(late.status, 200);
  assert.equal(await coming, 'succeeded');
  const now = (await get(viewing)).json();
  assert.deepEqual([now.usedMsat, now.receivedMsat, now.leftMsat, now.nodeId], ['7000', '6000', '-1000', nodeId]);
  for (const wrong of [-1, 600, 1.5, 'x', null]) assert.equal((await second(wrong)).status, 400, String(wrong));
  assert.equal((await get(`${examples.video}/api/viewings/none`)).status, 404);
});
