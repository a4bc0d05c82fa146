/**
 * Links of a payment's flow picture: its parts, merged per pair of neighbours and state, in as much detail as a picture can show.
 * With many parts the wallet's own channels, the gateways and the payee's last neighbours stay apart; what lies between is one
 * node. Pure.
 */

import type { PartState, PaymentPart } from 'amplet';

export const WALLET = 'wallet';
export const PAYEE = 'payee';
/** All nodes between the gateways and the payee that the picture has no room for. */
export const NETWORK = 'network';
/** The gateways that carry least, where there are too many. */
export const GATEWAYS = 'gateways';

/** A picture of more links than this is drawn in less detail. */
export const MOST_LINKS = 96;
/** Gateways, last neighbours of the payee, and own channels to one gateway that stay apart. */
const MOST = { gateways: 6, lasts: 6, channels: 4 };
/** The lane of a gateway's smaller channels. */
const REST = 'rest';

/** All parts of one state between two neighbours, in one lane. */
export interface Merged {
  id: string;
  from: string;
  to: string;
  state: PartState;
  amountMsat: bigint;
  parts: number;
  /** True if parts of it failed here. */
  broken: boolean;
}

/** Links in one degree of detail, and how many nodes stand behind those that stand for several. */
export interface Links {
  links: Merged[];
  counts: ReadonlyMap<string, number>;
}

/** A part's stops as far as it came, from the wallet on, and the lane of its first leg. */
interface Route {
  part: PaymentPart;
  stops: string[];
  lane: string;
}

/** The stops of a part as far as it came. Behind a blinded path the payee follows unseen on the last known node. */
function stopsOf(part: PaymentPart, payee: string | null): string[] {
  const stops = part.path.map(({ node }) => (node === payee ? PAYEE : node));
  if (stops.at(-1) !== PAYEE) stops.push(PAYEE);
  const reached = part.state === 'failed' && part.failedAt !== null ? stops.slice(0, part.failedAt + 1) : stops;
  return [WALLET, ...reached].filter((stop, at, all) => stop !== all[at - 1]);
}

function merge(routes: readonly Route[]): Merged[] {
  const links = new Map<string, Merged>();
  for (const { part, stops, lane } of routes) {
    stops.slice(1).forEach((to, at) => {
      const from = stops[at] ?? WALLET;
      const id = `${from}>${to}${at === 0 && lane !== '' ? `#${lane}` : ''}:${part.state}`;
      const link = links.get(id) ?? { id, from, to, state: part.state, amountMsat: 0n, parts: 0, broken: false };
      link.amountMsat += part.amountMsat;
      link.parts += 1;
      link.broken ||= part.state === 'failed' && part.failedAt !== null && at === stops.length - 2;
      links.set(id, link);
    });
  }
  return [...links.values()];
}

/** The `most` names that carry most; of equal ones those that came first. */
function largest(carried: Iterable<readonly [string, bigint]>, most: number): Set<string> {
  const sums = new Map<string, bigint>();
  for (const [name, msat] of carried) sums.set(name, (sums.get(name) ?? 0n) + msat);
  const order = [...sums].sort(([, a], [, b]) => (a === b ? 0 : a < b ? 1 : -1));
  return new Set(order.slice(0, most).map(([name]) => name));
}

/** The last neighbour of the payee on a route of at least two channels behind the gateway. */
const lastOf = ({ stops }: Route): string | undefined =>
  stops.at(-1) === PAYEE && stops.length > 3 ? stops.at(-2) : undefined;

/** Merges what lies between the gateways and those last neighbours of the payee that carry most. */
function withoutMiddle(routes: readonly Route[], lasts: number): { routes: Route[]; hidden: Set<string> } {
  const gateways = new Set(routes.flatMap(({ stops }) => (stops[1] === undefined ? [] : [stops[1]])));
  const carried = routes.flatMap((route) => {
    const last = lastOf(route);
    return last === undefined || gateways.has(last) ? [] : [[last, route.part.amountMsat] as const];
  });
  const kept = largest(carried, lasts);
  const hidden = new Set<string>();
  const short = routes.map((route) => ({
    ...route,
    stops: route.stops
      .map((stop, at) => {
        if (at < 2 || stop === PAYEE || (kept.has(stop) && isLast(route, at))) return stop;
        hidden.add(stop);
        return NETWORK;
      })
      .filter((stop, at, all) => stop !== all[at - 1]),
  }));
  return { routes: short, hidden };
}

/** True if only the payee can follow: a part that failed on the last channel but one ends there. */
const isLast = ({ part, stops }: Route, at: number): boolean =>
  stops[at + 1] === PAYEE || (at === stops.length - 1 && at === part.path.length - 1);

/** Merges the gateways that carry least. */
function fewGateways(routes: readonly Route[]): { routes: Route[]; hidden: Set<string> } {
  const first = ({ stops }: Route) => stops[1] ?? PAYEE;
  const behind = routes.filter((route) => first(route) !== PAYEE);
  const kept = largest(
    behind.map((route) => [first(route), route.part.amountMsat] as const),
    MOST.gateways,
  );
  const hidden = new Set(behind.map(first).filter((gateway) => !kept.has(gateway)));
  const renamed = routes.map((route) =>
    hidden.has(first(route)) ? { ...route, stops: [WALLET, GATEWAYS, ...route.stops.slice(2)], lane: '' } : route,
  );
  return { routes: renamed, hidden };
}

/** Gives each of the wallet's channels to a gateway a lane of its own, as far as there is more than one. */
function inLanes(routes: readonly Route[]): Route[] {
  const byGateway = new Map<string, [string, bigint][]>();
  for (const { part, stops } of routes) {
    const gateway = stops[1] ?? PAYEE;
    const own: [string, bigint] = [part.path[0]?.channel ?? '', part.amountMsat];
    byGateway.set(gateway, [...(byGateway.get(gateway) ?? []), own]);
  }
  const kept = new Map([...byGateway].map(([gateway, carried]) => [gateway, largest(carried, MOST.channels)]));
  return routes.map((route) => {
    const channels = kept.get(route.stops[1] ?? PAYEE);
    const own = route.part.path[0]?.channel ?? '';
    if (channels === undefined || channels.size < 2) return route;
    return { ...route, lane: channels.has(own) ? own : REST };
  });
}

/** The links of `parts`, in the most detail that a picture can show. `payee` as in `layoutFlow`. */
export function linksOf(parts: readonly PaymentPart[], payee: string | null): Links {
  const routes = parts.map((part): Route => ({ part, stops: stopsOf(part, payee), lane: '' }));
  const whole = merge(routes);
  if (whole.length <= MOST_LINKS) return { links: whole, counts: new Map() };
  const few = fewGateways(routes);
  const degrees = [
    { lanes: true, lasts: MOST.lasts },
    { lanes: false, lasts: MOST.lasts },
    { lanes: false, lasts: 0 },
  ];
  let coarsest: Links = { links: whole, counts: new Map() };
  for (const { lanes, lasts } of degrees) {
    const short = withoutMiddle(lanes ? inLanes(few.routes) : few.routes, lasts);
    const counts = new Map([
      [NETWORK, short.hidden.size],
      [GATEWAYS, few.hidden.size],
    ]);
    coarsest = { links: merge(short.routes), counts };
    if (coarsest.links.length <= MOST_LINKS) break;
  }
  return coarsest;
}
