/**
 * A film by the second. The page's wallet streams to a session at the gateway; this server hands out the next seconds as long as no more
 * than a small credit is unpaid. What is used up is counted here, to the millisatoshi; what is left over stays the viewer's.
 */

import { Refusal, json, object, serve, settings } from '../lib/server.mjs';

const PRICE_MSAT = 1_000n;
/** Unpaid seconds that a viewer may see: all that a viewer who never pays costs, and what saves the others payments. */
const CREDIT_SECS = 5;
const LENGTH_SECS = 600;
/** Sessions that are kept, at most. */
const MOST = 10_000;

const CREDIT_MSAT = BigInt(CREDIT_SECS) * PRICE_MSAT;

/** @typedef {{ nodeId: string, usedMsat: bigint, receivedMsat: bigint }} Viewing */

const { gateway } = settings();
/** @type {Map<string, Viewing>} */
const viewings = new Map();

const url = await serve(
  {
    'POST /api/viewings': open,
    'GET /api/viewings/:id': async (_, __, id) => json(whole(id, await known(id))),
    'POST /api/viewings/:id/seconds': async (request, _, id) =>
      json(await second(id, (await object(request))['second'])),
  },
  import.meta.url,
);
console.log(JSON.stringify({ example: 'video', url }));

async function open() {
  if (viewings.size >= MOST) viewings.delete(viewings.keys().next().value ?? '');
  const { id, nodeId } = await gateway.openSession({ expirySecs: 3600, metadata: { film: 'sparks' } });
  const viewing = { nodeId, usedMsat: 0n, receivedMsat: 0n };
  viewings.set(id, viewing);
  return json(whole(id, viewing), 201);
}

/** With what a page needs to pay. @param {string | undefined} id @param {Viewing} viewing */
const whole = (id, viewing) => {
  const terms = { id, nodeId: viewing.nodeId, priceMsat: PRICE_MSAT, creditMsat: CREDIT_MSAT, lengthSecs: LENGTH_SECS };
  return { ...terms, ...shown(viewing) };
};

/** @param {string | undefined} id */
async function known(id) {
  const viewing = viewings.get(id ?? '');
  if (!id || !viewing) throw new Refusal(404, 'There is no such viewing; reload the page.');
  viewing.receivedMsat = BigInt((await gateway.session(id)).receivedMsat);
  return viewing;
}

/** @param {Viewing} viewing */
const shown = ({ usedMsat, receivedMsat }) => ({ usedMsat, receivedMsat, leftMsat: receivedMsat - usedMsat });

/** True if one more second may be seen. @param {Viewing} viewing */
const covers = ({ usedMsat, receivedMsat }) => usedMsat + PRICE_MSAT <= receivedMsat + CREDIT_MSAT;

/**
 * A second of the film: what the page needs to draw it, if there is credit for it; waits a moment for money that is on its way.
 *
 * @param {string | undefined} id
 * @param {unknown} number
 */
async function second(id, number) {
  if (!Number.isInteger(number) || Number(number) < 0 || Number(number) >= LENGTH_SECS)
    throw new Refusal(400, 'The film has no such second.');
  let viewing = await known(id);
  if (!covers(viewing)) {
    await gateway.session(id ?? '', { aboveMsat: viewing.usedMsat + PRICE_MSAT - CREDIT_MSAT - 1n, waitSecs: 5 });
    viewing = await known(id);
  }
  // Nothing is awaited from here on: two requests at once cannot use the same credit.
  if (!covers(viewing)) throw new Refusal(402, 'The credit is used up; the film waits until more comes.');
  viewing.usedMsat += PRICE_MSAT;
  return { ...shown(viewing), scene: scene(Number(number)) };
}

/**
 * Sparks of a second: where they start, how fast, how bright. The same second is the same for everybody.
 *
 * @param {number} second
 */
function scene(second) {
  let state = (second + 1) * 2_654_435_761;
  const next = () => {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 374_761_393) >>> 0;
    return state / 2 ** 32;
  };
  const hue = Math.round((second * 23) % 360);
  return {
    hue,
    sparks: Array.from({ length: 48 }, () => ({
      x: next(),
      y: next(),
      angle: next() * 2 * Math.PI,
      speed: 0.1 + next() * 0.4,
    })),
  };
}
