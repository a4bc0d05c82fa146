/** One line about the connection out of all that the engine tells. */

import type { GatewayStatus, Status, WalletError } from 'amplet';

type Problem = Pick<WalletError, 'code' | 'message'>;

export type Link = 'oldCopy' | 'offline' | 'noGateway' | 'connecting' | 'down' | 'syncing' | 'partly' | 'ready';

/** True if the page should show the link as fine, on its way, or broken. */
export const linkTone = (link: Link): 'good' | 'warn' | 'bad' =>
  link === 'ready' ? 'good' : ['oldCopy', 'offline', 'down', 'noGateway'].includes(link) ? 'bad' : 'warn';

/** True if some gateway is reached. */
export const isReached = (link: Link): boolean => ['ready', 'partly', 'syncing'].includes(link);

export function linkOf(status: Status | null, online: boolean): Link {
  if (!status) return 'connecting';
  const { gateways, chain, warnings } = status;
  // It speaks to no gateway, on purpose.
  if (warnings.includes('oldCopy')) return 'oldCopy';
  const { up } = gatewaysUp(status);
  if (gateways.length === 0) return 'noGateway';
  if (up === 0 && !online) return 'offline';
  if (up === 0) return gateways.some((gateway) => gateway.connection.state === 'connecting') ? 'connecting' : 'down';
  if (!chain.synced) return 'syncing';
  return up < gateways.length || chain.error ? 'partly' : 'ready';
}

/** Counts the gateways that are connected, and all. */
export function gatewaysUp(status: Status | null): { up: number; all: number } {
  const gateways = status?.gateways ?? [];
  return { up: gateways.filter(({ connection }) => connection.state === 'connected').length, all: gateways.length };
}

/** Lists the gateways that are away, with the reason. */
export function gatewayErrors(gateways: GatewayStatus[]): { gateway: GatewayStatus; error: Problem; until: bigint }[] {
  return gateways.flatMap((gateway) =>
    gateway.connection.state === 'waiting'
      ? [{ gateway, error: gateway.connection.error, until: gateway.connection.until }]
      : [],
  );
}

export const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : url);

/** `02ab12…9f3c` of a long hexadecimal name. */
export const shorten = (text: string, head = 8, tail = 6): string =>
  text.length <= head + tail + 1 ? text : `${text.slice(0, head)}…${text.slice(-tail)}`;
