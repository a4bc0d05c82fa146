/** What happens in a life. Each act draws from dice of its own, whatever the world is like when it is done. */

import { pause } from './device.mjs';

/**
 * @typedef {import('./life.mjs').Life} Life
 * @typedef {import('./dice.mjs').Dice} Dice
 * @typedef {(life: Life, dice: Dice) => Promise<string>} Act
 */

/** Blocks that a life may see: with more of them a payment in flight would run out of time, and be right to close its channel. */
const MOST_BLOCKS = 10;
/** How long an answer is waited for before the next act, in ms. */
const PATIENCE = 8_000;

/** @param {import('./device.mjs').Answer} answer */
const outcome = ({ value, error }) =>
  error ? `${error.code} (${error.outcome ?? 'no outcome'}): ${error.message.slice(0, 140)}` : (value?.state ?? 'done');

/** Something to pay: small or large. @param {Life} life @param {Dice} dice @param {boolean} amp */
async function bill(life, dice, amp) {
  const amount = dice.number(0, 2) === 0 ? dice.number(5_000_000, 40_000_000) : dice.number(1_000, 2_000_000);
  return life.bill(BigInt(amount), amp);
}

/** Begins a payment. @param {Life} life @param {Dice} dice @param {boolean} [amp] */
async function begin(life, dice, amp = dice.number(0, 3) === 0) {
  const asked = await bill(life, dice, amp);
  const options = amp ? { parts: dice.number(1, 4) } : {};
  const paying = life.device.ask('pay', [asked.invoice, options], PATIENCE);
  return { what: `${amp ? 'AMP, ' : ''}${asked.amountMsat} msat`, paying };
}

/** @param {Life} life @param {Dice} dice @param {boolean} amp */
async function pay(life, dice, amp) {
  const { what, paying } = await begin(life, dice, amp);
  return `${what}: ${outcome(await paying)}`;
}

/** @param {Life} life @param {Dice} dice */
async function receive(life, dice) {
  const amountMsat = BigInt(
    dice.number(0, 2) === 0 ? dice.number(5_000_000, 30_000_000) : dice.number(1_000, 2_000_000),
  );
  const made = await life.receive(amountMsat);
  if (made.error) return outcome(made);
  await Promise.race([life.asks.at(-1)?.paying, pause(PATIENCE)]);
  return `${amountMsat} msat`;
}

/** Money moves either way while something else happens. @param {Life} life @param {Dice} dice */
async function traffic(life, dice) {
  if (dice.number(0, 2) > 0) return begin(life, dice);
  const amountMsat = BigInt(dice.number(1_000, 20_000_000));
  const made = await life.receive(amountMsat);
  return { what: `while ${amountMsat} msat come`, paying: Promise.resolve(made) };
}

/** The tab, its process or the browser dies, while money moves. @param {Life} life @param {Dice} dice */
async function die(life, dice) {
  const { what, paying } = await traffic(life, dice);
  const [way, wait] = [dice.of(/** @type {const} */ (['close', 'crash', 'kill'])), dice.number(0, 400)];
  await pause(wait);
  await life.device[way]();
  return `${way} after ${wait} ms, ${what}: ${outcome(await paying)}`;
}

/** The browser dies inside a commit, or just after it. @param {Life} life @param {Dice} dice */
async function dieInCommit(life, dice) {
  const [left, when] = [dice.number(1, 7), dice.of(/** @type {const} */ (['inside', 'after']))];
  await life.device.arm(left, when, life.trigger);
  const { what, paying } = await traffic(life, dice);
  const answer = await paying;
  await life.until('the trap', async () => !life.device.shown, 4_000).catch(() => undefined);
  const died = !life.device.shown;
  // One that has not sprung goes with its browser.
  if (!died) life.device.kill();
  return `${when} commit ${left}${died ? '' : ', which never came'}, ${what}: ${outcome(answer)}`;
}

/** @param {Life} life @param {Dice} dice */
async function deposit(life, dice) {
  if (life.blocks >= MOST_BLOCKS) return 'enough blocks';
  const sat = dice.number(20_000, 200_000);
  const address = await life.device.ask('newAddress');
  if (address.error) return outcome(address);
  await life.network.fund(address.value, sat, 1);
  life.blocks += 1;
  life.deposits.push(BigInt(sat));
  return `${sat} sat`;
}

/** @param {Life} life @param {Dice} dice */
async function withdraw(life, dice) {
  const sat = BigInt(dice.number(2_000, 15_000));
  const address = await life.payeeAddress();
  life.sends.push({ address, sat });
  const paying = life.device.ask('send', [address, sat], PATIENCE);
  const dies = dice.number(0, 3) === 0;
  if (dies) {
    await pause(dice.number(0, 200));
    life.device.kill();
  }
  return `${sat} sat${dies ? ', killed' : ''}: ${outcome(await paying)}`;
}

/** A payment of an invoice that was paid, or is being paid. @param {Life} life @param {Dice} dice */
async function again(life, dice) {
  const plain = life.bills.filter(({ amp }) => !amp);
  if (plain.length === 0) return 'nothing was paid yet';
  const { invoice } = dice.of(plain);
  return outcome(await life.device.ask('pay', [invoice], PATIENCE));
}

/** The network fails while money moves: between the tab and gateways, or the backup. @param {number[]} which @returns {Act} */
const partition = (which) => async (life, dice) => {
  const mode = dice.of(/** @type {const} */ (['cut', 'silent', 'deaf']));
  const early = dice.number(0, 1) === 0;
  const cut = which.filter((_, at) => dice.number(0, 1) === 0 || at === 0).map((at) => life.wires[at]);
  const close = () => cut.forEach((wire) => wire && (wire.mode = mode));
  if (early) close();
  const { what, paying } = await traffic(life, dice);
  await pause(dice.number(0, 300));
  close();
  await pause(dice.number(500, 4_000));
  if (dice.number(0, 3) === 0) life.device.kill();
  for (const wire of cut) if (wire) wire.mode = 'open';
  return `${mode}, ${cut.length} ways${early ? ' from the start' : ''}, ${what}: ${outcome(await paying)}`;
};

/** A gateway dies while money moves. @param {Life} life @param {Dice} dice */
async function killGateway(life, dice) {
  const node = dice.of(/** @type {const} */ (['0', '1']));
  const { what, paying } = await traffic(life, dice);
  await pause(dice.number(0, 300));
  await life.network.node(node, 'kill');
  await pause(dice.number(0, 2_000));
  await life.network.node(node, 'start');
  return `gateway ${node}, ${what}: ${outcome(await paying)}`;
}

/** A gateway stands still while money moves. @param {Life} life @param {Dice} dice */
async function freezeGateway(life, dice) {
  const node = dice.of(/** @type {const} */ (['0', '1']));
  const { what, paying } = await traffic(life, dice);
  await pause(dice.number(0, 200));
  await life.network.node(node, 'freeze');
  life.frozen.add(node);
  await pause(dice.number(500, 4_000));
  await life.network.node(node, 'thaw');
  life.frozen.delete(node);
  return `gateway ${node}, ${what}: ${outcome(await paying)}`;
}

/** @param {Life} life @param {Dice} dice */
async function killBitcoind(life, dice) {
  const { what, paying } = await traffic(life, dice);
  await life.network.bitcoind('kill');
  await pause(dice.number(0, 2_000));
  await life.network.bitcoind('start');
  return `${what}: ${outcome(await paying)}`;
}

/** The device is lost while money moves; the words and the backup are there. @param {Life} life @param {Dice} dice */
async function lose(life, dice) {
  const { what, paying } = await traffic(life, dice);
  await pause(dice.number(0, 400));
  await life.device.lose();
  await paying;
  const device = life.newDevice();
  life.devices[0] = device;
  return `${what}: ${outcome(await restore(life, device))}`;
}

/** From the words and the backup. @param {Life} life @param {import('./device.mjs').Device} device */
const restore = (life, device) =>
  device.open({ ...life.options, mnemonic: life.mnemonic, backup: life.backup(device.name), moveHere: true }, 60_000);

/** The wallet moves to the other device while money moves; the former one has to hear of it. @param {Life} life @param {Dice} dice */
async function move(life, dice) {
  const { what, paying } = await traffic(life, dice);
  await pause(dice.number(0, 400));
  const [from, known] = life.devices;
  const to = known ?? life.newDevice();
  const moved = known ? await to.open({ ...life.options, moveHere: true }, 60_000) : await restore(life, to);
  await paying;
  if (moved.error) {
    await to.lose();
    life.devices.length = 1;
    return outcome(moved);
  }
  if (from === undefined) throw new Error('no device');
  life.devices = [to, from];
  await life
    .until('the former device to stop', async () => (await from.ended()) !== null, 30_000)
    .catch(async (late) => {
      const { value, error } = await from.ask('status');
      throw new Error(`${late.message}; it says ${JSON.stringify(error ?? value)}`);
    });
  const heard = await from.ended();
  if (heard !== 'movedToAnotherDevice') throw new Error(`the former device ended with ${heard}`);
  from.kill();
  return `to ${to.name}, ${what}: ${outcome(moved)}`;
}

/** @param {Life} life @param {Dice} dice */
async function mine(life, dice) {
  if (life.blocks >= MOST_BLOCKS) return 'enough blocks';
  await life.mine(dice.number(1, 2));
  return 'mined';
}

/** Each act, and how often of so many. @type {Record<string, [number, Act]>} */
const ACTS = {
  pay: [4, (life, dice) => pay(life, dice, false)],
  'pay by AMP': [2, (life, dice) => pay(life, dice, true)],
  receive: [3, receive],
  'pay again': [1, again],
  deposit: [2, deposit],
  withdraw: [2, withdraw],
  'tab dies': [4, die],
  'dies in a commit': [5, dieInCommit],
  'network fails': [3, partition([0, 1])],
  'backup is cut off': [3, partition([2])],
  'gateway dies': [2, killGateway],
  'gateway freezes': [1, freezeGateway],
  'bitcoind dies': [1, killBitcoind],
  'device is lost': [2, lose],
  'moves to the other device': [2, move],
  mine: [1, mine],
};

/** The acts of a seed. @param {Dice} dice @param {number} count */
export function draw(dice, count) {
  const names = Object.entries(ACTS).flatMap(([name, [weight]]) => Array(weight).fill(name));
  return Array.from({ length: count }, () => {
    const name = dice.of(names);
    const [, act] = ACTS[name] ?? [];
    if (act === undefined) throw new Error(`no act ${name}`);
    return { name, act, dice: dice.fork() };
  });
}
