/**
 * A film by the second. The page pays a session at the gateway by small keysends; this server hands out the next seconds as long as
 * what has come in covers them. What is used up is counted here, to the millisatoshi; what is left over stays the viewer's credit.
 */

import { Refusal, json, object, serve, settings } from '../lib/server.mjs';

const PRICE_MSAT = 1_000n;
/** A page pays ahead for so many seconds at most. */
const AHEAD_SECS = 3;
const LENGTH_SECS = 60;
/** Sessions that are kept, at most. */
const MOST = 10_000;

/** @typedef {{ usedMsat: bigint, receivedMsat: bigint }} Viewing */

const { gateway } = settings();
/** @type {Map<string, Viewing>} */
const viewings = new Map();

const url = await serve(
  {
    'POST /api/viewings': open,
    'GET /api/viewings/:id': async (_, __, id) => json(shown(await known(id))),
    'POST /api/viewings/:id/seconds': async (request, _, id) => json(await second(id, (await object(request))['second'])),
  },
  import.meta.url,
);
console.log(JSON.stringify({ example: 'video', url }));

async function open() {
  if (viewings.size >= MOST) viewings.delete(viewings.keys().next().value ?? '');
  const { id, nodeId } = await gateway.openSession({ expirySecs: 3600, metadata: { film: 'sparks' } });
  viewings.set(id, { usedMsat: 0n, receivedMsat: 0n });
  return json({ id, nodeId, priceMsat: PRICE_MSAT, aheadSecs: AHEAD_SECS, lengthSecs: LENGTH_SECS }, 201);
}

/** @param {string | undefined} id */
async function known(id) {
  const viewing = viewings.get(id ?? '');
  if (!id || !viewing) throw new Refusal(404, 'There is no such viewing; reload the page.');
  viewing.receivedMsat = BigInt((await gateway.session(id)).receivedMsat);
  return viewing;
}

/** @param {Viewing} viewing */
const shown = ({ usedMsat, receivedMsat }) => ({ usedMsat, receivedMsat, leftMsat: receivedMsat - usedMsat });

/**
 * A second of the film: what the page needs to draw it, if there is credit for it; waits a moment for credit that is on its way.
 *
 * @param {string | undefined} id
 * @param {unknown} number
 */
async function second(id, number) {
  if (!Number.isInteger(number) || Number(number) < 0 || Number(number) >= LENGTH_SECS) throw new Refusal(400, 'The film has no such second.');
  let viewing = await known(id);
  if (viewing.receivedMsat - viewing.usedMsat < PRICE_MSAT) {
    await gateway.session(id ?? '', { aboveMsat: viewing.usedMsat + PRICE_MSAT - 1n, waitSecs: 5 });
    viewing = await known(id);
  }
  // Nothing is awaited from here on: two requests at once cannot use the same credit.
  if (viewing.receivedMsat - viewing.usedMsat < PRICE_MSAT) throw new Refusal(402, 'The credit is used up; the film waits until more comes.');
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
  return { hue, sparks: Array.from({ length: 48 }, () => ({ x: next(), y: next(), angle: next() * 2 * Math.PI, speed: 0.1 + next() * 0.4 })) };
}
