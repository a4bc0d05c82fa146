/** `config.json` beside index.html: defaults from whoever serves this page. Never trusted unread. */

import type { Gateway, Network } from 'amplet';

export interface PageConfig {
  network: Network;
  gateways: Gateway[];
  chainSources: string[];
  /** Name of the wallet's store; a demo names a fresh one, as its chain is fresh. */
  walletName: string;
}

const NETWORKS: readonly Network[] = ['mainnet', 'testnet4', 'signet', 'regtest'];
const ADDRESS = /^(0[23][0-9a-f]{64})@((?:ws|wss):\/\/\S+)$/i;

/** Splits `<node id>@<ws URL>`, with `#token=…` where the operator gave one; returns `null` when it is none. */
export function parseGatewayAddress(text: string): { nodeId: string; url: string; hasToken: boolean } | null {
  const match = ADDRESS.exec(text.trim());
  if (!match?.[1] || !match[2] || !URL.canParse(match[2])) return null;
  const [url = '', fragment] = match[2].split('#', 2);
  if (fragment !== undefined && !/^token=\w+$/.test(fragment)) return null;
  return { nodeId: match[1].toLowerCase(), url, hasToken: fragment !== undefined };
}

export const isHttpUrl = (text: string): boolean => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);

function readGateway(value: unknown): Gateway {
  if (typeof value !== 'object' || value === null) throw new TypeError('a gateway is not an object');
  const { address, chainUrl, trustZeroConf } = value as Record<string, unknown>;
  if (typeof address !== 'string' || !parseGatewayAddress(address))
    throw new TypeError(`"${String(address)}" is not <node id>@<ws URL>`);
  if (chainUrl !== undefined && (typeof chainUrl !== 'string' || !isHttpUrl(chainUrl))) {
    throw new TypeError(`chainUrl "${String(chainUrl)}" is not an http(s) URL`);
  }
  return { address, trustZeroConf: trustZeroConf === true, ...(chainUrl === undefined ? {} : { chainUrl }) };
}

/** Reads the file's JSON. Throws a TypeError that names what is wrong in it. */
export function readConfig(value: unknown): PageConfig {
  if (typeof value !== 'object' || value === null) throw new TypeError('it is not a JSON object');
  const { network, gateways = [], chainSources = [], walletName } = value as Record<string, unknown>;
  const known = NETWORKS.find((name) => name === network);
  if (!known) throw new TypeError(`network is "${String(network)}", not one of ${NETWORKS.join(', ')}`);
  if (!Array.isArray(gateways)) throw new TypeError('gateways is not a list');
  if (!Array.isArray(chainSources)) throw new TypeError('chainSources is not a list');
  const wrong: unknown = chainSources.find((source) => typeof source !== 'string' || !isHttpUrl(source));
  if (wrong !== undefined) throw new TypeError(`chain source "${String(wrong)}" is not an http(s) URL`);
  const name = walletName ?? known;
  if (typeof name !== 'string' || !/^[a-z0-9_-]{1,64}$/.test(name)) {
    throw new TypeError(`walletName "${String(name)}" is not 1 to 64 of a-z 0-9 - _`);
  }
  return {
    network: known,
    gateways: gateways.map(readGateway),
    chainSources: chainSources as string[],
    walletName: name,
  };
}

/** Fetches and reads it; `null` when none is served. */
export async function loadConfig(): Promise<PageConfig | null> {
  const response = await fetch(new URL('config.json', document.baseURI), { cache: 'no-cache' });
  if (response.status === 404 || !(response.headers.get('content-type') ?? '').includes('json')) return null;
  if (!response.ok) throw new TypeError(`the server answered ${response.status}`);
  return readConfig(await response.json());
}
