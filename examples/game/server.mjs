/**
 * A game of cards: each life costs, each win pays. The server deals and decides, so a page cannot win by saying so; and what it can
 * lose is bounded by the key's spending limit at the gateway, whatever happens here.
 */

import { randomInt, randomUUID } from 'node:crypto';
import { Refusal, json, object, qrCode, serve, settings } from '../lib/server.mjs';
import { GatewayError } from '../lib/gateway.mjs';

const LIFE_MSAT = 10_000n;
const PRIZE_MSAT = 25_000n;
/** Right answers in a row that win. */
const TO_WIN = 3;
const HIGHEST = 13;
/** Games that are kept; more lives are not sold. */
const MOST = 100_000;
const STARTED = Math.floor(Date.now() / 1000);

/**
 * A game is named by its invoice, and begins when that is paid; or it is a life of a player, whose wallet streams.
 *
 * @typedef {{ card: number, next: number, right: number, state: 'playing' | 'lost' | 'won' | 'paidOut', claim: string,
 *   prize: Promise<unknown> | null }} Game
 */

const { gateway } = settings();
/** @type {Map<string, Game>} */
const games = new Map();
/** Amounts that players have used of what their sessions brought, in msat. @type {Map<string, bigint>} */
const players = new Map();

const url = await serve(
  {
    'GET /api/rules': () => json({ lifeMsat: LIFE_MSAT, prizeMsat: PRIZE_MSAT, toWin: TO_WIN, highest: HIGHEST }),
    'POST /api/players': join,
    'POST /api/players/:id/lives': async (_, __, id) => json(await nextLife(id), 201),
    'POST /api/lives': buy,
    'GET /api/lives/:hash': async (_, request, hash) =>
      json(await paid(hash, Number(request.searchParams.get('wait') ?? 0))),
    'GET /api/lives/:hash/qr.svg': async (_, __, hash) => qrCode((await life(hash, 0)).invoice),
    'POST /api/lives/:hash/guess': async (request, _, hash) =>
      json(guess(game(hash), (await object(request))['guess'])),
    'POST /api/lives/:hash/prize': async (request, _, hash) =>
      json(await prize(game(hash), (await object(request))['invoice'])),
  },
  import.meta.url,
);
console.log(JSON.stringify({ example: 'game', url }));

const draw = () => randomInt(1, HIGHEST + 1);

/** @returns {Game} */
const deal = () => ({ card: draw(), next: draw(), right: 0, state: 'playing', claim: randomUUID(), prize: null });

/** A player whose wallet streams: a life is a unit. There is no credit, or a win could be had for nothing. */
async function join() {
  if (players.size >= MOST) throw new Refusal(503, 'All seats are taken; come back another day.');
  const { id, nodeId } = await gateway.openSession({ expirySecs: 24 * 3600, metadata: { game: 'player' } });
  players.set(id, 0n);
  return json({ id, nodeId, lifeMsat: LIFE_MSAT }, 201);
}

/** A life for what has come in; waits a moment for money that is on its way. @param {string} id */
async function nextLife(id) {
  const used = players.get(id);
  if (used === undefined) throw new Refusal(404, 'There is no such player; reload the page.');
  const receivedMsat = BigInt(
    (await gateway.session(id, { aboveMsat: used + LIFE_MSAT - 1n, waitSecs: 5 })).receivedMsat,
  );
  // Nothing is awaited from here on: two requests at once cannot use the same money.
  const now = players.get(id) ?? 0n;
  if (receivedMsat < now + LIFE_MSAT) throw new Refusal(402, 'The life is not paid yet; ask again when it is.');
  if (games.size >= MOST) throw new Refusal(503, 'All lives are sold; come back another day.');
  players.set(id, now + LIFE_MSAT);
  const life = randomUUID();
  games.set(life, deal());
  return { id: life, usedMsat: now + LIFE_MSAT, receivedMsat, ...shown(game(life)) };
}

/** @param {import('../lib/server.mjs').Request} request */
async function buy(request) {
  const { order } = await object(request);
  if (games.size >= MOST) throw new Refusal(503, 'All lives are sold; come back another day.');
  if (typeof order !== 'string' || !/^[0-9a-f-]{36}$/.test(order))
    throw new Refusal(400, 'The order has no name; reload the page.');
  const made = await gateway.createInvoice(
    { amountMsat: LIFE_MSAT, description: 'A life in the example game', expirySecs: 600, metadata: { life: order } },
    order,
  );
  return json({ id: made.paymentHash, invoice: made.invoice, amountMsat: made.amountMsat }, 201);
}

/** @param {string | undefined} hash @param {number} wait */
async function life(hash, wait) {
  if (!hash || !/^[0-9a-f]{64}$/.test(hash)) throw new Refusal(404, 'There is no such game.');
  const invoice = await gateway.invoice(hash, Math.min(Math.max(Math.trunc(wait) || 0, 0), 25));
  if (!invoice.metadata['life']) throw new Refusal(404, 'There is no such game.');
  return invoice;
}

/** The state of a life; a paid one begins its game. @param {string | undefined} hash @param {number} wait */
async function paid(hash, wait) {
  const { state, paymentHash, paidAt } = await life(hash, wait);
  if (state !== 'paid') return { state };
  if (!games.has(paymentHash)) {
    // Games live in memory: one that was lost with an earlier run must not be played again for the same money.
    if ((paidAt ?? 0) < STARTED) throw new Refusal(410, 'The game was restarted since you paid; write to its owner.');
    games.set(paymentHash, deal());
  }
  return { state, ...shown(game(paymentHash)) };
}

/** @param {string | undefined} hash */
function game(hash) {
  const found = games.get(hash ?? '');
  if (!found) throw new Refusal(404, 'This game is over, or was never paid; buy a life.');
  return found;
}

/** @param {Game} game */
const shown = ({ card, right, state }) => ({ card, right, game: state });

/** @param {Game} game @param {unknown} guess */
function guess(game, guess) {
  if (game.state !== 'playing') throw new Refusal(409, 'This life is over; buy another one.');
  if (guess !== 'higher' && guess !== 'lower') throw new Refusal(400, 'Say higher or lower.');
  const { card, next } = game;
  // Equal cards are right either way.
  const right = card === next || (guess === 'higher') === next > card;
  game.card = next;
  game.next = draw();
  game.right = right ? game.right + 1 : game.right;
  if (!right) game.state = 'lost';
  else if (game.right >= TO_WIN) game.state = 'won';
  return shown(game);
}

/**
 * Pays the prize to the player's invoice, once however often it is asked for.
 *
 * @param {Game} game
 * @param {unknown} invoice
 */
async function prize(game, invoice) {
  if (game.state === 'paidOut') return { ...shown(game), prizeMsat: PRIZE_MSAT };
  if (game.state !== 'won') throw new Refusal(409, 'This game was not won.');
  if (typeof invoice !== 'string' || invoice.length > 5000)
    throw new Refusal(400, `Give an invoice for ${PRIZE_MSAT / 1000n} sat.`);
  if (game.prize) throw new Refusal(409, 'The prize is on its way.');
  const paying = gateway.pay(invoice, PRIZE_MSAT, game.claim).catch((error) => {
    // A request that was refused used nothing up: the player may give another invoice.
    if (error instanceof GatewayError && error.status < 500) {
      throw new Refusal(
        409,
        error.code === 'limitExceeded'
          ? 'The bank pays 25 sat and no more, and is empty for today if yours is for 25.'
          : error.message,
      );
    }
    throw error;
  });
  game.prize = paying;
  try {
    const payment = await paying;
    if (payment.state === 'failed') {
      game.claim = randomUUID();
      throw new Refusal(
        409,
        `The prize did not reach you: ${payment.error?.message ?? 'no route'} Give another invoice.`,
      );
    }
    // Pending is as good as paid: it will not be paid again.
    game.state = 'paidOut';
    return { ...shown(game), prizeMsat: payment.amountMsat };
  } finally {
    game.prize = null;
  }
}
