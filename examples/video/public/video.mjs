/** Plays while it is paid: by a stream of the browser's wallet or, with a wallet that has none, by a keysend for each second. */

import { Refused, ask, part, sat, wallet } from './page.mjs';
import { openStream, whyPaused } from './stream.mjs';

/** The custom record that names the session. */
const SESSION_RECORD = '4279633';
/** A wallet without streams pays ahead for so many seconds at most. */
const AHEAD_SECS = 3;
/** Key of the stored viewing, which continues when the viewer comes back. */
const PLACE = 'viewing';

/**
 * @typedef {{ id: string, nodeId: string, priceMsat: string, creditMsat: string, lengthSecs: number,
 *   receivedMsat: string, leftMsat: string }} Viewing
 * @typedef {{ hue: number, sparks: { x: number, y: number, angle: number, speed: number }[] }} Scene
 * @typedef {import('./stream.mjs').Stream} Stream
 */

const [said, paid, account] = [part('said', HTMLElement), part('paid', HTMLElement), part('account', HTMLElement)];
const play = part('play', HTMLButtonElement);
const credit = part('credit', HTMLMeterElement);
const film = part('film', HTMLCanvasElement);
const drawing = /** @type {CanvasRenderingContext2D} */ (film.getContext('2d'));

/** @type {Viewing | null} */
let viewing = null;
/** The wallet's stream, while it is open. @type {Stream | null} */
let stream = null;
/** Until what was seen before is paid. @type {Promise<void>} */
let settled = Promise.resolve();
/** True if money flows: without it no second is asked for. */
let flows = false;
/** The next second. */
let at = 0;
/** Rest of the second that was being shown, so that it is not paid twice. @type {{ scene: Scene, leftMs: number } | null} */
let rest = null;
/** Counts up with each start and stop, so that what began before knows that it is over. */
let run = 0;
/** Paid and not yet seen, in msat; below zero: seen and not yet paid. */
let leftMsat = 0;
/** Amounts that this session brought before its present stream, and that the stream has paid and owes, in msat. */
const spent = { beforeMsat: 0, paidMsat: 0, owedMsat: 0 };

poster();
const playing = () => play.getAttribute('aria-pressed') === 'true';
play.addEventListener('click', () => (playing() ? stop('Stopped. You pay nothing while it stands.') : start()));
document.addEventListener('visibilitychange', () => {
  if (!playing()) return;
  // A wallet may have paused it by itself already.
  if (stream) (document.hidden ? stream.pause() : stream.resume()).catch(() => {});
  else if (document.hidden) stop('Stopped: the tab was hidden.');
});

/** @param {string} why @param {string} [tone] */
function stop(why, tone = '') {
  run += 1;
  play.setAttribute('aria-pressed', 'false');
  play.textContent = 'Play';
  say(why, tone);
  // What was seen is paid, to the millisatoshi; the session stays.
  if (stream) settled = stream.stop().catch(() => {});
}

/** @param {string} text @param {string} [tone] */
function say(text, tone = '') {
  said.className = `note ${tone}`;
  said.textContent = text;
}

async function start() {
  const mine = (run += 1);
  play.setAttribute('aria-pressed', 'true');
  play.textContent = 'Stop';
  say('Asking the wallet…');
  try {
    const paying = await wallet();
    if (!paying) throw new Error('This needs a wallet in the browser: one that streams, or that pays by keysend.');
    await settled;
    viewing = await found();
    credit.max = Number(viewing.creditMsat) / Number(viewing.priceMsat) + AHEAD_SECS;
    stream = await streamed(paying, viewing);
    if (mine !== run) return void stream?.stop();
    if (stream) return await watch(mine, viewing);
    if (!paying.keysend) throw new Error('This wallet neither streams nor pays by keysend.');
    flows = true;
    // Paying runs beside playing: a payment that takes long does not stop the film while there is credit.
    await Promise.all([payAhead(mine, viewing, paying.keysend.bind(paying)), watch(mine, viewing)]);
  } catch (error) {
    if (mine === run) stop(error instanceof Error ? error.message : String(error), 'bad');
  }
}

/** The viewing of last time, or a new one. @returns {Promise<Viewing>} */
async function found() {
  const kept = JSON.parse(localStorage.getItem(PLACE) ?? 'null');
  const known = viewing ?? (kept && (await ask(`/api/viewings/${kept.id}`).catch(() => null)));
  if (!known) return ask('/api/viewings', {});
  const now = /** @type {Viewing} */ (await ask(`/api/viewings/${known.id}`));
  if (!viewing) at = kept.at;
  return now;
}

/** @param {WebLN} paying @param {Viewing} now @returns {Promise<Stream | null>} */
function streamed(paying, now) {
  let first = true;
  const terms = { nodeId: now.nodeId, sessionId: now.id, ratePerSecondMsat: now.priceMsat, creditMsat: now.creditMsat };
  return openStream(paying, terms, (report) => {
    flows = report.state === 'running' || (report.state === 'paused' && report.reason === 'credit');
    // A stream that goes on in its line tells what that had brought before, too.
    if (first) spent.beforeMsat = Math.max(Number(now.receivedMsat) - Number(report.paidMsat), 0);
    first = false;
    Object.assign(spent, { paidMsat: Number(report.paidMsat), owedMsat: Number(report.owedMsat) });
    show();
    if (report.state === 'stopped') {
      stream = null;
      if (playing()) stop('Your wallet ended it. You pay nothing while it stands.');
    } else if (!flows && playing()) say(whyPaused(report));
  });
}

/**
 * @param {number} mine
 * @param {Viewing} now
 * @param {NonNullable<WebLN['keysend']>} keysend
 */
async function payAhead(mine, now, keysend) {
  leftMsat = Number(now.leftMsat);
  while (mine === run) {
    if (leftMsat / Number(now.priceMsat) > AHEAD_SECS - 1) {
      await pause();
      continue;
    }
    await keysend({
      destination: now.nodeId,
      amount: Number(now.priceMsat) / 1000,
      customRecords: { [SESSION_RECORD]: now.id },
    });
    spent.paidMsat += Number(now.priceMsat);
    leftMsat += Number(now.priceMsat);
    show();
  }
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 100));

/** @param {number} mine @param {Viewing} now */
async function watch(mine, now) {
  let until = performance.now();
  while (mine === run && (rest || at < now.lengthSecs)) {
    if (!flows) {
      await pause();
      continue;
    }
    if (rest) {
      until = await draw(rest.scene, performance.now() + rest.leftMs, mine);
      continue;
    }
    const next = await second(now);
    if (!next) continue;
    const { scene, ...stands } = next;
    leftMsat = Number(stands.leftMsat);
    at += 1;
    localStorage.setItem(PLACE, JSON.stringify({ id: now.id, at: at % now.lengthSecs }));
    show();
    if (mine === run && flows) say(`Second ${at} of ${now.lengthSecs}`);
    // A second of film takes a second, whatever asking for it took.
    until = await draw(scene, Math.max(until, performance.now() - 500) + 1000, mine);
  }
  if (mine === run) {
    at = 0;
    stop('The end.', 'good');
  }
}

/** The next second; `null`: the money for it is on its way. @param {Viewing} now */
async function second(now) {
  try {
    return await ask(`/api/viewings/${now.id}/seconds`, { second: at });
  } catch (error) {
    if (!(error instanceof Refused && error.status === 402)) throw error;
    if (flows) say('Waiting for the payment…');
    return null;
  }
}

/** Before it is played: a sign that it can be. */
function poster() {
  const { width, height } = film;
  drawing.fillStyle = '#0d0b10';
  drawing.fillRect(0, 0, width, height);
  drawing.fillStyle = '#ffb454';
  drawing.beginPath();
  drawing.moveTo(width / 2 - 36, height / 2 - 52);
  drawing.lineTo(width / 2 - 36, height / 2 + 52);
  drawing.lineTo(width / 2 + 56, height / 2);
  drawing.fill();
}

function show() {
  if (!viewing) return;
  const { beforeMsat, paidMsat, owedMsat } = spent;
  paid.textContent = sat(beforeMsat + paidMsat + owedMsat);
  paid.dataset['paid'] = String(beforeMsat + paidMsat);
  account.textContent = `${sat(beforeMsat + paidMsat)} of it paid, ${sat(owedMsat)} on account.`;
  credit.value = (leftMsat + Number(viewing.creditMsat)) / Number(viewing.priceMsat);
}

/**
 * Shows a second, or the rest of one; returns when it was over. The picture stands while nothing is paid or nobody looks.
 *
 * @param {Scene} scene
 * @param {number} until
 * @param {number} mine
 * @returns {Promise<number>}
 */
function draw(scene, until, mine) {
  const { hue, sparks } = scene;
  const { width, height } = film;
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  let last = performance.now();
  return new Promise((done) => {
    /** @param {number} now */
    const frame = (now) => {
      if (!flows || now - last > 250) until += Math.max(now - last, 0);
      last = now;
      rest = until > now ? { scene, leftMs: until - now } : null;
      const time = Math.min(Math.max(1 - (until - now) / 1000, 0), 1);
      drawing.fillStyle = still ? '#0d0b10' : 'rgb(13 11 16 / .25)';
      drawing.fillRect(0, 0, width, height);
      for (const spark of sparks) {
        const way = still ? 0.5 : time;
        const x = (spark.x + Math.cos(spark.angle) * spark.speed * way) * width;
        const y = (spark.y + Math.sin(spark.angle) * spark.speed * way) * height;
        drawing.fillStyle = `hsl(${hue + spark.x * 60} 90% ${45 + 35 * Math.sin(Math.PI * way)}%)`;
        drawing.beginPath();
        drawing.arc(x, y, 3 + 9 * Math.sin(Math.PI * way), 0, 2 * Math.PI);
        drawing.fill();
      }
      if (time < 1 && mine === run) requestAnimationFrame(frame);
      else done(until);
    };
    requestAnimationFrame(frame);
  });
}
