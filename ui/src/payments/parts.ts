/** Sums over the parts of a payment. Pure. */

import type { PartState, PaymentPart } from 'amplet';

/** Number of parts in each state, and what those that did not fail carry. */
export interface PartSum {
  counts: Record<PartState, number>;
  amountMsat: bigint;
  feeMsat: bigint;
}

/** The parts that leave by one of the wallet's channels. */
export interface ChannelParts extends PartSum {
  /** The channel's short id; empty: not known. */
  channel: string;
  parts: PaymentPart[];
}

/** The parts that leave to one neighbour of the wallet. */
export interface GatewayParts extends PartSum {
  /** Its node id; empty: not known. */
  node: string;
  channels: ChannelParts[];
}

/** Progress of a payment as its parts arrive. */
export interface Progress extends PartSum {
  arrivedMsat: bigint;
  inFlightMsat: bigint;
  /** Not on its way now: parts of it came back, or were not sent yet. */
  toSendMsat: bigint;
}

/** Counts the parts of each state. */
export function countStates(parts: readonly PaymentPart[]): Record<PartState, number> {
  const counts = { succeeded: 0, pending: 0, failed: 0 };
  for (const { state } of parts) counts[state] += 1;
  return counts;
}

/** Sums up parts: what failed carries nothing and costs nothing. */
export function sumOf(parts: readonly PaymentPart[]): PartSum {
  let [amountMsat, feeMsat] = [0n, 0n];
  for (const part of parts) {
    if (part.state === 'failed') continue;
    amountMsat += part.amountMsat;
    feeMsat += part.feeMsat;
  }
  return { counts: countStates(parts), amountMsat, feeMsat };
}

/** The progress of a payment of `amountMsat`; `null`: what its parts carry is all that is known. */
export function progressOf(parts: readonly PaymentPart[], amountMsat: bigint | null): Progress {
  const sum = sumOf(parts);
  const arrivedMsat = parts.reduce((all, part) => (part.state === 'succeeded' ? all + part.amountMsat : all), 0n);
  const missing = (amountMsat ?? sum.amountMsat) - sum.amountMsat;
  return { ...sum, arrivedMsat, inFlightMsat: sum.amountMsat - arrivedMsat, toSendMsat: missing > 0n ? missing : 0n };
}

/** Puts those first that carry most; of equal ones the first stays first. */
const byAmount = (a: PartSum, b: PartSum): number =>
  a.amountMsat === b.amountMsat ? 0 : a.amountMsat < b.amountMsat ? 1 : -1;

/** Groups `parts`, in their order, by what `nameOf` calls them. */
function groupBy(
  parts: readonly PaymentPart[],
  nameOf: (part: PaymentPart) => string,
): readonly [string, PaymentPart[]][] {
  const groups = new Map<string, PaymentPart[]>();
  for (const part of parts) {
    const name = nameOf(part);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [part]);
    else group.push(part);
  }
  return [...groups];
}

/** Groups parts by the wallet's neighbour that they leave to, and those by the channel; the largest first. */
export function groupParts(parts: readonly PaymentPart[]): GatewayParts[] {
  const channelsOf = (ofNode: readonly PaymentPart[]): ChannelParts[] =>
    groupBy(ofNode, ({ path }) => path[0]?.channel ?? '')
      .map(([channel, ofChannel]) => ({ channel, parts: ofChannel, ...sumOf(ofChannel) }))
      .sort(byAmount);
  return groupBy(parts, ({ path }) => path[0]?.node ?? '')
    .map(([node, ofNode]) => ({ node, channels: channelsOf(ofNode), ...sumOf(ofNode) }))
    .sort(byAmount);
}
