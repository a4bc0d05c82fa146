/** The end of a life: everything is up again, nothing is pending, and each side's books are compared, to the millisatoshi. */

/** @typedef {import('./life.mjs').Life} Life */

/** How long all that is under way may take to end, in ms: HTLCs that nobody takes come back within a minute or two. */
const SETTLED_WITHIN = 240_000;

/** @param {Life} life @param {string} method @param {unknown[]} [given] */
async function asked(life, method, given) {
  const { value, error } = await life.device.ask(method, given);
  if (error) throw new Error(`${method}: ${error.code}, ${error.message}`);
  return value;
}

/** Waits until nothing is under way. @param {Life} life */
export async function settle(life) {
  await life.heal();
  let waits = 'the beginning';
  const quiet = async () => {
    if ((await life.open()).error) return false;
    waits = 'the newest block';
    const { value: status } = await life.device.ask('status');
    if (status?.chain.height !== (await life.network.info()).height) return false;
    const history = await life.device.ask('history');
    const balance = await life.device.ask('balance');
    const channels = await life.device.ask('channels');
    if (history.error || balance.error || channels.error) return false;
    waits = whatWaits(history.value, balance.value, channels.value) ?? '';
    if (waits === 'a transaction') await life.network.mine(1);
    return waits === '';
  };
  await life
    .until('it to be quiet', quiet, SETTLED_WITHIN)
    .catch((error) => Promise.reject(new Error(`${error.message}: ${waits}`)));
  await Promise.all(life.asks.map(({ paying }) => paying));
  await life.until('it to be quiet again', quiet, SETTLED_WITHIN);
}

/** @param {any[]} history @param {any} balance @param {any[]} channels */
function whatWaits(history, balance, channels) {
  const outbound = history.find(
    ({ direction, state, kind }) => direction === 'outbound' && state === 'pending' && kind !== 'onchain',
  );
  if (outbound) return `payment ${outbound.id}`;
  if (balance.pendingOutboundMsat + balance.pendingInboundMsat > 0n) return 'money in flight';
  const channel = channels.find(({ state }) => state !== 'ready');
  if (channel) return `channel ${channel.id} is ${channel.state}`;
  const onchain = history.find(({ kind, state }) => kind === 'onchain' && state === 'pending');
  return onchain || balance.onchainPendingSat > 0n ? 'a transaction' : null;
}

/** Gives back what can be sent: the network's channels serve other lives, too. @param {Life} life */
export async function giveBack(life) {
  const { spendableMsat } = await asked(life, 'balance');
  if (spendableMsat < 1_000n) return;
  const bill = await life.bill(spendableMsat, false);
  const { value, error } = await life.device.ask('pay', [bill.invoice], 90_000);
  life.say(`gave back ${spendableMsat} msat: ${error ? `${error.code}, ${error.message}` : value.state}`);
}

/** Compares the books. @param {Life} life @returns {Promise<string[]>} what is wrong */
export async function audit(life) {
  const [history, balance, channels] = await Promise.all(
    ['history', 'balance', 'channels'].map((method) => asked(life, method)),
  );
  /** @type {string[]} */
  const wrong = [];
  const inward = await came(life, history, wrong);
  const outward = await went(life, history, wrong);
  const lightning = inward.sum - outward.sum - outward.fees;
  if (balance.lightningMsat !== lightning)
    wrong.push(`${balance.lightningMsat} msat are in channels, ${lightning} msat by the payee's books and the fees`);
  const payee = (await life.payeeMsat()) - life.payeeHadMsat;
  const payees = outward.sum - inward.sum - inward.payeesFees;
  if (payee !== payees)
    wrong.push(`the payee's channels have ${payee} msat more than before, by all payments ${payees} msat`);
  const onchain = life.deposits.reduce((sum, sat) => sum + sat, 0n) - (await sent(life, history, wrong));
  const there = balance.onchainSat + balance.onchainPendingSat + balance.closingSat;
  if (there !== onchain) wrong.push(`${there} sat are on-chain, ${onchain} sat by what was sent there and away`);
  await sameChannels(life, channels, wrong);
  const known = new Set([...life.bills, ...life.asks].map(({ invoice }) => invoice));
  const addresses = new Set(life.sends.map(({ address }) => address));
  for (const { id, kind, direction, invoice, payee, state } of history) {
    const expected = kind === 'onchain' ? direction === 'inbound' || addresses.has(payee) : known.has(invoice);
    // An invoice whose maker was killed, or told that the backup has not confirmed it, may be there all the same; nobody can pay it.
    const unheard = direction === 'inbound' && state !== 'succeeded';
    if (!expected && !unheard) wrong.push(`nobody asked for ${kind} ${id}`);
  }
  return wrong;
}

/** What has come over Lightning, and the payee's fees, in msat. @param {Life} life @param {any[]} history @param {string[]} wrong */
async function came(life, history, wrong) {
  let [sum, payeesFees] = [0n, 0n];
  for (const { hash, amountMsat } of life.asks) {
    const paid = await life.payee(`payments/${hash}`);
    const record = history.find(({ id, direction }) => id === hash && direction === 'inbound');
    if (record === undefined) wrong.push(`invoice ${hash} of the wallet is lost`);
    if (paid?.state === 'pending') wrong.push(`the payee's payment ${hash} is pending`);
    const hasPaid = paid?.state === 'succeeded';
    if (hasPaid !== (record?.state === 'succeeded'))
      wrong.push(`the payee's payment ${hash}: ${paid?.state ?? 'never begun'}; in the wallet: ${record?.state}`);
    if (hasPaid && record?.amountMsat !== amountMsat)
      wrong.push(`${record?.amountMsat} of ${amountMsat} msat have come`);
    if (hasPaid) sum += BigInt(paid.amountMsat);
    if (hasPaid) payeesFees += BigInt(paid.feeMsat);
  }
  return { sum, payeesFees };
}

/** What has gone over Lightning, and its fees, in msat. @param {Life} life @param {any[]} history @param {string[]} wrong */
async function went(life, history, wrong) {
  let [sum, fees] = [0n, 0n];
  for (const { hash, invoice, amountMsat, amp } of life.bills) {
    const records = history.filter((entry) => entry.invoice === invoice && entry.direction === 'outbound');
    if (records.length > 1) wrong.push(`${records.length} payments of invoice ${hash}`);
    const [record] = records;
    // A payment by AMP has an id of its own, on both sides.
    const paid = amp && record === undefined ? null : await life.payee(`invoices/${amp ? record.id : hash}`);
    const got = BigInt(paid?.receivedMsat ?? 0);
    const succeeded = record?.state === 'succeeded';
    if (got > 0n !== succeeded)
      wrong.push(`invoice ${hash}${amp ? ' (AMP)' : ''}: the payee has ${got} msat; in the wallet: ${record?.state}`);
    if (got > 0n && got !== amountMsat) wrong.push(`invoice ${hash}: the payee has ${got} of ${amountMsat} msat`);
    if (succeeded && record.amountMsat !== amountMsat)
      wrong.push(`invoice ${hash}: the wallet says ${record.amountMsat}`);
    sum += got;
    if (succeeded) fees += record.feeMsat;
  }
  return { sum, fees };
}

/** What has gone on-chain, fees included, in sat. @param {Life} life @param {any[]} history @param {string[]} wrong */
async function sent(life, history, wrong) {
  let sum = 0n;
  for (const { address, sat } of life.sends) {
    const record = history.find(
      ({ kind, payee, direction }) => kind === 'onchain' && payee === address && direction === 'outbound',
    );
    const arrived = await life.arrived(address);
    const succeeded = record?.state === 'succeeded';
    if (arrived !== (succeeded ? sat : 0n))
      wrong.push(`${arrived} sat of ${sat} are at ${address}; in the wallet: ${record?.state}`);
    if (!succeeded) continue;
    const fee = await life.minerFee(record.txid);
    if (record.feeMsat !== fee * 1_000n)
      wrong.push(`${record.txid} has cost ${fee} sat; the wallet says ${record.feeMsat} msat`);
    sum += arrived + fee;
  }
  return sum;
}

/** Both sides of both channels, which have to be open. @param {Life} life @param {any[]} channels @param {string[]} wrong */
async function sameChannels(life, channels, wrong) {
  if (channels.length !== 2) wrong.push(`${channels.length} channels are open, not 2`);
  for (const { id, gateway, state, capacitySat, balanceMsat } of channels) {
    const node = life.info.gateways.find((/** @type {any} */ { nodeId }) => nodeId === gateway);
    const listed = (await life.admin(node, 'channels')).channels;
    const other = listed.find((/** @type {any} */ entry) => entry.id === id);
    if (state !== 'ready') wrong.push(`channel ${id} is ${state}`);
    if (other === undefined || other.state === 'closing') {
      wrong.push(`the gateway's channel ${id} is ${other?.state ?? 'gone'}`);
      continue;
    }
    const sum = BigInt(other.balanceMsat) + balanceMsat;
    if (sum !== capacitySat * 1_000n)
      wrong.push(
        `channel ${id}: ${balanceMsat} msat here and ${other.balanceMsat} there make ${sum}, not ${capacitySat} sat`,
      );
  }
}
