/** Parts of payments that the pretended engine shows. */

import type { PartState, PaymentPart } from 'amplet';

export const NODE_A = '02a1633cafcc01ebfb6d78e39f687a1f0995c62fc95f51ead10a02ee0be551b5dc';
export const NODE_B = '03c2abfa93eacec04721c019644584424aab2ba4dff3ac9bdab4e9c97007491dda';
export const PAYEE = '031b84c5567b126440995d3ed5aaba0565d71e1834604819ff9c17f5e9d5dd078f';

const HOPS = Array.from({ length: 16 }, (_, index) => `02${index.toString(16).padStart(2, '0').repeat(32)}`);

export const part = (
  nodes: string[],
  amountMsat: bigint,
  state: PartState,
  failedAt: number | null = null,
): PaymentPart => ({
  path: nodes.map((node, at) => ({ channel: `${812_000 + at}x${nodes.length}x${at}`, node })),
  amountMsat,
  feeMsat: amountMsat / 1000n,
  state,
  probabilityPpm: 930_000,
  failedAt,
});

/** 25,000 sat in three parts over two gateways: one came back and was sent again by another way. */
export const threeParts = (last: PartState): PaymentPart[] => [
  part([NODE_A, PAYEE], 15_000_000n, 'succeeded'),
  part([NODE_B, HOPS[1] ?? '', PAYEE], 10_000_000n, 'failed', 1),
  part([NODE_B, HOPS[2] ?? '', PAYEE], 10_000_000n, last),
];

/** 25,000 sat in 120 parts, with 15 more that came back. */
export const manyParts = (): PaymentPart[] =>
  Array.from({ length: 135 }, (_, at) =>
    part(
      [at % 3 === 0 ? NODE_B : NODE_A, HOPS[at % 7] ?? '', HOPS[7 + (at % 9)] ?? '', PAYEE],
      208_333n,
      at % 9 === 8 ? 'failed' : at % 5 === 0 ? 'pending' : 'succeeded',
      at % 9 === 8 ? at % 4 : null,
    ),
  );

/** `count` parts of 1,000 sat over three gateways, one with two channels, to a payee behind three: each tenth came back. */
export const livingParts = (count: number, done: boolean): PaymentPart[] =>
  Array.from({ length: count }, (_, at) => {
    const gateway = [NODE_A, NODE_B, HOPS[0] ?? ''][at % 3] ?? NODE_A;
    const between = `03${((at * 37) % 311).toString(16).padStart(64, '0')}`;
    const failed = at % 10 === 6;
    const sent = part(
      [gateway, between, HOPS[1 + (at % 3)] ?? '', PAYEE],
      1_000_000n,
      failed ? 'failed' : done || at < count / 2 ? 'succeeded' : 'pending',
      failed ? at % 3 : null,
    );
    const own = { channel: `${812_000 + (at % 3)}x${at % 3 === 0 ? at % 2 : 0}x0`, node: gateway };
    return { ...sent, path: [own, ...sent.path.slice(1)] };
  });
