import { ask, checkout, part, sat, wallet } from './page.mjs';
import { openStream, whyPaused } from './stream.mjs';

const FACES = ['A', '2', '3', '4', '5', '6', '7', '8', '9', '10', 'J', 'Q', 'K'];

const [card, said, total] = [part('card', HTMLElement), part('said', HTMLElement), part('total', HTMLElement)];
const progress = part('progress', HTMLProgressElement);
const [buy, higher, lower, collect] = [
  part('buy', HTMLButtonElement),
  part('higher', HTMLButtonElement),
  part('lower', HTMLButtonElement),
  part('collect', HTMLButtonElement),
];

const { lifeMsat, prizeMsat, toWin } = await ask('/api/rules');
part('rules', HTMLElement).textContent =
  `Is the next card higher or lower? ${toWin} right answers in a row win ${sat(prizeMsat)}, paid to your wallet. A life costs ${sat(lifeMsat)}.`;
progress.max = toWin;
buy.textContent = `Buy a life (${sat(lifeMsat)})`;

/** A seat at the table, for a player whose wallet streams. @type {{ id: string, nodeId: string, unclaimed: boolean } | null} */
let seat = null;
/** @type {import('./stream.mjs').Stream | null} */
let stream = null;
/** Lives are bought by invoice: there is no wallet that streams, or it may not. */
let byInvoice = false;
/** The life being played. */
let life = '';
let won = 0;
let spent = 0;

buy.addEventListener('click', () => run(begin));
higher.addEventListener('click', () => run(() => guess('higher')));
lower.addEventListener('click', () => run(() => guess('lower')));
collect.addEventListener('click', () => run(prize));
addEventListener('keydown', (event) => {
  if (event.key === 'ArrowUp' && !higher.disabled) run(() => guess('higher'));
  else if (event.key === 'ArrowDown' && !lower.disabled) run(() => guess('lower'));
  else return;
  event.preventDefault();
});

/** One thing at a time; what goes wrong is said. @param {() => Promise<void>} work */
async function run(work) {
  const enabled = [buy, higher, lower, collect].filter((button) => !button.disabled);
  for (const button of enabled) button.disabled = true;
  try {
    await work();
  } catch (error) {
    say(error instanceof Error ? error.message : String(error), 'bad');
    for (const button of enabled) button.disabled = false;
  }
}

/** @param {string} text @param {'good' | 'bad' | ''} [tone] */
function say(text, tone = '') {
  said.className = `note ${tone}`;
  said.textContent = text;
}

/** @param {{ card: number, right: number, game: string }} now @param {string} text @param {'good' | 'bad' | ''} [tone] */
function show(now, text, tone) {
  const face = FACES[now.card - 1] ?? '?';
  card.textContent = face;
  card.setAttribute('aria-label', `card ${face}`);
  progress.value = now.right;
  const playing = now.game === 'playing';
  higher.disabled = lower.disabled = !playing;
  buy.disabled = playing || now.game === 'won';
  collect.hidden = now.game !== 'won';
  collect.disabled = false;
  total.textContent = spent ? `Spent ${sat(spent)}, won ${sat(won)}.` : '';
  say(text, tone);
  if (playing) higher.focus();
  else (collect.hidden ? buy : collect).focus();
}

async function begin() {
  if (!byInvoice) stream ??= await streamed();
  byInvoice = !stream;
  await (stream ? play(stream) : order());
}

/** @returns {Promise<typeof stream>} */
async function streamed() {
  const paying = await wallet().catch(() => null);
  if (!paying?.request) return null;
  seat ??= { ...(await ask('/api/players', {})), unclaimed: false };
  if (!seat) return null;
  const terms = { nodeId: seat.nodeId, sessionId: seat.id, perUnitMsat: lifeMsat, creditMsat: lifeMsat };
  try {
    return await openStream(paying, terms, (report) => {
      if (report.state === 'paused') say(whyPaused(report));
      else if (report.state === 'stopped') stream = null; // the next life asks for another
    });
  } catch {
    return null; // a user who wants no stream may pay by invoice
  }
}

/** A life by the stream. @param {NonNullable<typeof stream>} paying */
async function play(paying) {
  if (!seat) return;
  // One that was paid and not given, because the money took long, is not paid again.
  if (!seat.unclaimed) await paying.add(1);
  seat.unclaimed = true;
  const now = await ask(`/api/players/${seat.id}/lives`, {});
  seat.unclaimed = false;
  life = now.id;
  spent += Number(lifeMsat);
  show(now, 'Higher or lower?');
}

/** A life by invoice. */
async function order() {
  const made = await ask('/api/lives', { order: crypto.randomUUID() });
  const path = `/api/lives/${made.id}`;
  const paid = await checkout({
    title: 'A life',
    amountMsat: made.amountMsat,
    invoice: made.invoice,
    qr: `${path}/qr.svg`,
    wait: `${path}?wait=25`,
  });
  if (!paid) throw new Error('No life was bought.');
  life = made.id;
  spent += Number(lifeMsat);
  show(await ask(path), 'Higher or lower?');
}

/** @param {'higher' | 'lower'} choice */
async function guess(choice) {
  const now = await ask(`/api/lives/${life}/guess`, { guess: choice });
  if (now.game === 'playing') show(now, `Right! ${toWin - now.right} to go.`, 'good');
  else if (now.game === 'won') show(now, `You won ${sat(prizeMsat)}. Collect it.`, 'good');
  else show(now, 'Wrong. This life is over.', 'bad');
}

async function prize() {
  const paying = await wallet();
  const invoice = paying
    ? (await paying.makeInvoice({ amount: Number(prizeMsat) / 1000, defaultMemo: 'Won in the example game' }))
        .paymentRequest
    : prompt(`Paste an invoice for ${sat(prizeMsat)}`);
  if (!invoice) throw new Error('The prize waits for an invoice.');
  const now = await ask(`/api/lives/${life}/prize`, { invoice });
  won += Number(prizeMsat);
  show(now, `${sat(prizeMsat)} are in your wallet.`, 'good');
}
