/** Plays while it is paid: a keysend of one second's price whenever less than a few seconds are paid ahead. */

import { ask, part, sat, wallet } from './page.mjs';

/** The custom record that names the session. */
const SESSION_RECORD = '4279633';

const [said, account] = [part('said', HTMLElement), part('account', HTMLElement)];
const play = part('play', HTMLButtonElement);
const credit = part('credit', HTMLMeterElement);
const film = part('film', HTMLCanvasElement);
const drawing = /** @type {CanvasRenderingContext2D} */ (film.getContext('2d'));

/** @type {{ id: string, nodeId: string, priceMsat: string, aheadSecs: number, lengthSecs: number } | null} */
let viewing = null;
/** The next second. */
let at = 0;
/** Counts up with each start and stop, so that what began before knows that it is over. */
let run = 0;
/** Paid and not yet used, in msat. */
let leftMsat = 0;
let spentMsat = 0;

poster();
const playing = () => play.getAttribute('aria-pressed') === 'true';
play.addEventListener('click', () => (playing() ? stop('Stopped. You pay nothing while it stands.') : start()));
document.addEventListener('visibilitychange', () => document.hidden && playing() && stop('Stopped: the tab was hidden.'));

/** @param {string} why @param {string} [tone] */
function stop(why, tone = '') {
  run += 1;
  play.setAttribute('aria-pressed', 'false');
  play.textContent = 'Play';
  said.className = `note ${tone}`;
  said.textContent = why;
}

async function start() {
  const mine = (run += 1);
  play.setAttribute('aria-pressed', 'true');
  play.textContent = 'Stop';
  said.className = 'note';
  said.textContent = 'Asking the wallet…';
  try {
    const paying = await wallet();
    if (!paying?.keysend) throw new Error('This needs a wallet in the browser that can pay by keysend.');
    viewing ??= await ask('/api/viewings', {});
    if (!viewing) return;
    credit.max = viewing.aheadSecs;
    const { keysend } = { keysend: paying.keysend.bind(paying) };
    // Paying runs beside playing: a payment that takes long does not stop the film while there is credit.
    await Promise.all([payAhead(mine, viewing, keysend), watch(mine, viewing)]);
  } catch (error) {
    if (mine === run) stop(error instanceof Error ? error.message : String(error), 'bad');
  }
}

/**
 * @param {number} mine
 * @param {NonNullable<typeof viewing>} now
 * @param {NonNullable<WebLN['keysend']>} keysend
 */
async function payAhead(mine, now, keysend) {
  while (mine === run) {
    if (leftMsat / Number(now.priceMsat) > now.aheadSecs - 1) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      continue;
    }
    await keysend({ destination: now.nodeId, amount: Number(now.priceMsat) / 1000, customRecords: { [SESSION_RECORD]: now.id } });
    spentMsat += Number(now.priceMsat);
    leftMsat += Number(now.priceMsat);
    show();
  }
}

/** @param {number} mine @param {NonNullable<typeof viewing>} now */
async function watch(mine, now) {
  for (; mine === run && at < now.lengthSecs; at += 1) {
    const paid = await ask(`/api/viewings/${now.id}/seconds`, { second: at });
    leftMsat = Number(paid.leftMsat);
    show();
    said.textContent = `Second ${at + 1} of ${now.lengthSecs}`;
    await draw(paid.scene, mine);
  }
  if (mine === run) {
    at = 0;
    stop('The end.', 'good');
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
  credit.value = leftMsat / Number(viewing.priceMsat);
  account.textContent = `Paid ${sat(spentMsat)}, of which ${sat(leftMsat)} are not used yet.`;
}

/**
 * @param {{ hue: number, sparks: { x: number, y: number, angle: number, speed: number }[] }} scene
 * @param {number} mine
 */
function draw({ hue, sparks }, mine) {
  const { width, height } = film;
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  return new Promise((done) => {
    const began = performance.now();
    /** @param {number} now */
    const frame = (now) => {
      const time = Math.min(Math.max((now - began) / 1000, 0), 1);
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
      else done(null);
    };
    requestAnimationFrame(frame);
  });
}
