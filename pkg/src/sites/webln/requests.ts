/**
 * `webln.request(method, params)`: what pages ask of a node, by lnd's names and in lnd's form, as far as it is theirs to know. What
 * shows or changes the node itself (its peers, its channels, all that it paid) there is not.
 */

import { invalid, unsupported } from '../errors.ts';
import { fromHex, toHex } from '../proof.ts';
import type { Json } from '../wire.ts';
import {
  getBalance,
  lookupInvoice,
  makeInvoice,
  signMessage,
  verifyMessage,
  type Method,
  type MethodParts,
  type Params,
} from './methods.ts';
import { STREAM_METHODS } from './streams.ts';
import * as read from './validate.ts';

const object = (value: Json): Params => value as Params;
const sats = (msat: bigint): string => String(msat / 1000n);
const base64 = (hex: string): string => btoa(String.fromCharCode(...fromHex(hex)));

/**
 * lnd has bytes in base64 where a text is meant; libraries that know WebLN send the text itself, as `message`.
 * @throws {ProviderError} `InvalidDataError`
 */
function messageOf({ message, msg }: Params): Json | undefined {
  if (msg === undefined) return message;
  try {
    const bytes = Uint8Array.from(atob(read.text(msg, 'msg', 8_192)), (char) => char.charCodeAt(0));
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw invalid('`msg` is a text in base64.');
  }
}

/** A payment hash in lnd's forms: hex, or base64. */
function hashOf({ r_hash_str: hex, r_hash: bytes, payment_hash: hash }: Params): Json | undefined {
  const given = hex ?? hash ?? bytes;
  if (typeof given !== 'string' || /^[0-9a-fA-F]{64}$/.test(given)) return given;
  try {
    return toHex(Uint8Array.from(atob(given.replace(/-/g, '+').replace(/_/g, '/')), (char) => char.charCodeAt(0)));
  } catch {
    return given;
  }
}

const getinfo: Method = async ({ wallet, version }) => {
  const { alias, nodeId, network } = await wallet.info();
  const chains = [{ chain: 'bitcoin', network }];
  return {
    alias,
    identity_pubkey: nodeId,
    color: `#${nodeId.slice(2, 8)}`,
    version,
    chains,
    testnet: network !== 'mainnet',
  };
};

const channelbalance: Method = async (parts, site, params, signal) => {
  const sat = String(object(await getBalance(parts, site, params, signal))['balance']);
  return { balance: sat, local_balance: { sat, msat: `${sat}000` } };
};

const addinvoice: Method = async (parts, site, params, signal) => {
  const { memo, value, value_msat: msat } = params;
  const whole = msat === undefined ? null : read.msat(msat, 'value_msat');
  if (whole !== null && whole % 1000n !== 0n) throw invalid('`value_msat` is a whole number of sat.');
  const amount = whole === null ? (value ?? null) : sats(whole); // 0 is any amount to lnd, too
  const made = object(await makeInvoice(parts, site, { amount, defaultMemo: memo ?? '' }, signal));
  return { payment_request: made['paymentRequest'] ?? null, r_hash: base64(String(made['rHash'])) };
};

const lookupinvoice: Method = async (parts, site, params, signal) => {
  const paymentHash = hashOf(params);
  const found = object(
    await lookupInvoice(parts, site, { ...(paymentHash === undefined ? {} : { paymentHash }) }, signal),
  );
  const settled = found['paid'] === true;
  const proof = typeof found['preimage'] === 'string' ? { r_preimage: base64(found['preimage']) } : {};
  const state = settled ? 'SETTLED' : 'OPEN';
  return {
    payment_request: found['paymentRequest'] ?? null,
    r_hash: base64(String(paymentHash)),
    settled,
    state,
    ...proof,
  };
};

const decodepayreq: Method = async ({ payments }, _site, { pay_req: invoice }) => {
  const { payee, paymentHash, amountMsat, description } = await payments.inspect(read.invoice(invoice));
  const msat = amountMsat ?? 0n;
  return {
    destination: payee,
    payment_hash: paymentHash,
    num_satoshis: sats(msat),
    num_msat: String(msat),
    description,
  };
};

const signmessage: Method = async (parts, site, params, signal) => {
  const message = messageOf(params);
  const signed = object(await signMessage(parts, site, { ...(message === undefined ? {} : { message }) }, signal));
  return { signature: signed['signature'] ?? null };
};

/** Shows the user who signed, as with `webln.verifyMessage`; a signature that is none is refused. */
const verifymessage: Method = async (parts, site, params, signal) => {
  const message = messageOf(params);
  await verifyMessage(
    parts,
    site,
    { ...(message === undefined ? {} : { message }), signature: params['signature'] ?? null },
    signal,
  );
  return { valid: true };
};

const REQUESTS: Readonly<Record<string, Method>> = {
  getinfo,
  channelbalance,
  addinvoice,
  makeinvoice: (parts, site, params, signal) => makeInvoice(parts, site, params, signal),
  lookupinvoice,
  decodepayreq,
  signmessage,
  verifymessage,
};

/** Lists what `request` knows, as `getInfo` lists it. */
export const requestNames = ({ wallet }: Pick<MethodParts, 'wallet'>): string[] =>
  [...Object.keys(REQUESTS), ...(wallet.streams ? STREAM_METHODS : [])].map((name) => `request.${name}`);

/** `webln.request`. The name may come as `getInfo` lists it, with `request.` before it. */
export const request: Method = async (parts, site, params, signal) => {
  const name = read.text(params['method'], 'method', 64).replace(/^request\./, '');
  const given = params['params'] ?? null;
  const known = Object.hasOwn(REQUESTS, name) ? REQUESTS[name] : undefined;
  if (known) return known(parts, site, given === null ? {} : read.members(given), signal);
  const answer = await parts.streams.run(site, name, given, signal);
  if (answer === null) throw unsupported(name);
  return answer;
};
