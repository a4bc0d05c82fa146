import type { PaymentPart } from 'amplet';
import { describe, expect, it } from 'vitest';
import { layoutFlow, type Flow } from '../src/payments/flow.ts';
import { GATEWAYS, MOST_LINKS, NETWORK, PAYEE, WALLET } from '../src/payments/flow-routes.ts';

const part = (nodes: string, amountMsat: number, change: Partial<PaymentPart> = {}): PaymentPart => ({
  path: [...nodes].map((node, at) => ({ channel: `1x${at}x0`, node })),
  amountMsat: BigInt(amountMsat),
  feeMsat: 1n,
  state: 'succeeded',
  probabilityPpm: null,
  failedAt: null,
  ...change,
});
const node = (flow: Flow, id: string) => {
  const found = flow.nodes.find((one) => one.id === id);
  if (!found) throw new Error(`no node ${id}`);
  return found;
};
const link = (flow: Flow, id: string) => flow.links.find((one) => one.id === id);
const ids = (flow: Flow) => flow.links.map(({ id }) => id).sort();

describe('the flow picture', () => {
  it('is small for one part that goes straight to the payee', () => {
    const flow = layoutFlow([part('P', 5000)], 'P', 300);
    expect(flow.nodes.map(({ id, kind }) => [id, kind])).toEqual([
      [WALLET, 'wallet'],
      [PAYEE, 'payee'],
    ]);
    expect(flow.links).toMatchObject([
      { id: 'wallet>payee:succeeded', width: 10, amountMsat: 5000n, parts: 1, cross: null },
    ]);
    expect(flow.height).toBeLessThan(40);
    expect(flow.links[0]?.d).toBe('M6 23C150 23 150 23 294 23');
  });

  it('merges parts per pair of neighbours and state, and makes bands as wide as what they carry', () => {
    const flow = layoutFlow(
      [part('AXP', 3000), part('AYP', 1000), part('AXP', 2000, { state: 'pending' }), part('BXP', 2000)],
      'P',
      400,
    );
    expect(link(flow, 'wallet>A:succeeded')).toMatchObject({ amountMsat: 4000n, parts: 2, width: 20 });
    expect(link(flow, 'wallet>A:pending')).toMatchObject({ amountMsat: 2000n, parts: 1, width: 10 });
    expect(link(flow, 'X>payee:succeeded')).toMatchObject({ amountMsat: 5000n, parts: 2, width: 25 });
    expect(node(flow, 'A').height).toBe(30);
    expect(node(flow, PAYEE).height).toBe(40);
    expect(flow.nodes.filter(({ kind }) => kind === 'gateway').map(({ id }) => id)).toEqual(['A', 'B']);
  });

  it('keeps what is small visible', () => {
    const flow = layoutFlow([part('AP', 1_000_000_000), part('BP', 1)], 'P', 300);
    expect(link(flow, 'wallet>B:succeeded')?.width).toBe(2);
    expect(link(layoutFlow([part('AP', 0)], 'P', 300), 'wallet>A:succeeded')?.width).toBe(2);
  });

  it('shows a failed part thin, behind, and only as far as it came', () => {
    const flow = layoutFlow(
      [part('AP', 9000), part('BXP', 9000, { state: 'failed', failedAt: 1 }), part('BP', 9000)],
      'P',
      300,
    );
    expect(ids(flow)).toEqual([
      'A>payee:succeeded',
      'B>X:failed',
      'B>payee:succeeded',
      'wallet>A:succeeded',
      'wallet>B:failed',
      'wallet>B:succeeded',
    ]);
    expect(flow.links.slice(0, 2).map(({ state, width }) => [state, width])).toEqual([
      ['failed', 1.5],
      ['failed', 1.5],
    ]);
    expect(link(flow, 'wallet>B:failed')?.cross).toBeNull();
    expect(link(flow, 'B>X:failed')?.cross).not.toBeNull();
    // The way of one that failed nobody knows where is whole, without a cross.
    const unknown = layoutFlow([part('AP', 1, { state: 'failed' })], 'P', 300);
    expect(unknown.links.map(({ id, cross }) => [id, cross])).toEqual([
      ['wallet>A:failed', null],
      ['A>payee:failed', null],
    ]);
    // A position outside the path is the whole path.
    expect(ids(layoutFlow([part('AP', 1, { state: 'failed', failedAt: 9 })], 'P', 300))).toEqual([
      'A>payee:failed',
      'wallet>A:failed',
    ]);
  });

  it('puts each node right of all that lead to it and the payee last', () => {
    const flow = layoutFlow([part('AP', 10), part('BAXP', 10)], 'P', 500);
    const order = [WALLET, 'B', 'A', 'X', PAYEE].map((id) => node(flow, id).x);
    expect(order).toEqual([0, 123.5, 247, 370.5, 494]);
    // A band that crosses a column goes through it in a place of its own.
    expect(link(flow, 'wallet>A:succeeded')?.d.match(/C/g)).toHaveLength(2);
  });

  it('draws the unseen way behind a blinded path', () => {
    const flow = layoutFlow([part('AI', 10)], null, 300);
    expect(ids(flow)).toEqual(['A>I:succeeded', 'I>payee:succeeded', 'wallet>A:succeeded']);
    expect(ids(layoutFlow([part('', 10)], 'P', 300))).toEqual(['wallet>payee:succeeded']);
  });

  it('ends on paths that run in rings', () => {
    const flow = layoutFlow([part('ABP', 10), part('BAP', 10), part('AAP', 10)], 'P', 300);
    expect(ids(flow)).toContain('B>A:succeeded');
    expect(flow.nodes).toHaveLength(4);
    expect(node(flow, PAYEE).x).toBe(294);
  });

  it('keeps everything inside and nothing over another, with hundreds of parts', () => {
    const parts = Array.from({ length: 200 }, (_, at) =>
      part(
        `${'AB'[at % 2]}${'CDEFGHIJKL'[at % 10]}${'MNOQRST'[at % 7]}P`,
        1000 + at * 37,
        at % 9 === 0 ? { state: 'failed', failedAt: at % 3 } : {},
      ),
    );
    const flow = layoutFlow(parts, 'P', 296);
    expect(flow.links.length).toBeLessThan(200);
    for (const { x, y, height } of flow.nodes) {
      expect(x >= 0 && x + 6 <= 296 && y >= 0 && y + height <= flow.height + 0.1).toBe(true);
    }
    for (const a of flow.nodes) {
      for (const b of flow.nodes) {
        if (a !== b && a.x === b.x) expect(a.y + a.height < b.y || b.y + b.height < a.y).toBe(true);
      }
    }
    const numbers = flow.links.flatMap(({ d }) => d.match(/-?[\d.]+/g) ?? []).map(Number);
    expect(numbers.every(Number.isFinite)).toBe(true);
    const sum = flow.links
      .filter(({ id }) => id.startsWith('wallet>'))
      .reduce((all, { amountMsat }) => all + amountMsat, 0n);
    expect(sum).toBe(parts.reduce((all, { amountMsat }) => all + amountMsat, 0n));
  });

  it('names what there is room for', () => {
    const named = (flow: Flow) => flow.nodes.filter(({ label }) => label).map(({ id }) => id);
    expect(named(layoutFlow([part('AXP', 1)], 'P', 296))).toEqual([WALLET, 'A', 'X', PAYEE]);
    expect(named(layoutFlow([part('AXYZP', 1)], 'P', 296))).toEqual([WALLET, 'A', PAYEE]);
    expect(named(layoutFlow([part('ABCDEFGHIJKLMNP', 1)], 'P', 296))).toEqual([WALLET, PAYEE]);
    expect(named(layoutFlow([part('AXP', 1)], 'P', 60))).toEqual([]);
    // Above in the upper half, below in the lower one, inside the picture.
    const { nodes, height } = layoutFlow([part('AP', 1), part('BP', 1)], 'P', 296);
    const [above, below] = ['A', 'B'].map((id) => nodes.find((one) => one.id === id));
    expect(above?.label?.y).toBeLessThan(above?.y ?? 0);
    expect(below?.label?.y).toBeGreaterThan((below?.y ?? 0) + (below?.height ?? 0));
    for (const { label } of nodes) expect(label && label.y > 0 && label.y <= height).toBe(true);
  });
});

/** Nothing outside, nothing over another, and so few elements that a browser draws them at each part's news. */
function expectReadable(flow: Flow): void {
  expect(flow.links.length).toBeLessThanOrEqual(MOST_LINKS);
  expect(flow.nodes.length).toBeLessThanOrEqual(MOST_LINKS);
  expect(flow.height).toBeLessThan(700);
  for (const { x, y, height, label } of flow.nodes) {
    expect(x >= 0 && x + 6 <= flow.width && y >= 0 && y + height <= flow.height + 0.1).toBe(true);
    if (label) expect(label.y > 0 && label.y <= flow.height).toBe(true);
  }
  for (const a of flow.nodes) {
    for (const b of flow.nodes) {
      if (a !== b && a.x === b.x) expect(a.y + a.height < b.y || b.y + b.height < a.y).toBe(true);
    }
  }
}
const sent = (flow: Flow) => flow.links.filter(({ id }) => id.startsWith('wallet>'));
const total = (links: Flow['links'], of: 'parts' | 'amountMsat') =>
  links.reduce((sum, one) => sum + Number(one[of]), 0);

/** `count` parts over three gateways, two channels to each, and a network of 400 nodes, to a payee behind three channels. */
const manyParts = (count: number, gateways = 3): PaymentPart[] =>
  Array.from({ length: count }, (_, at) => {
    const gateway = `g${at % gateways}`;
    const nodes = [gateway, `a${(at * 7) % 200}`, `b${(at * 11) % 200}`, `last${at % 3}`, 'P'];
    const state = at % 10 === 9 ? 'failed' : at % 4 === 0 ? 'pending' : 'succeeded';
    return {
      ...part('', 1_000_000),
      path: nodes.map((name, hop) => ({
        channel: hop === 0 ? `${at % gateways}x${at % 2}x0` : `9x${at}x${hop}`,
        node: name,
      })),
      state,
      failedAt: state === 'failed' ? (at % 50) % 4 : null,
    };
  });

describe('the flow picture of many parts', () => {
  it('shows every stop of 2 and of 20', () => {
    for (const count of [2, 20]) {
      const parts = manyParts(20).slice(0, count);
      const flow = layoutFlow(parts, 'P', 296);
      expectReadable(flow);
      const stops = new Set(
        parts.flatMap(({ path, failedAt }) => path.slice(0, (failedAt ?? path.length) + 1)).map(({ node }) => node),
      );
      expect(flow.nodes.length).toBe(stops.size + 1);
      expect(total(sent(flow), 'parts')).toBe(count);
    }
  });

  it('shows 1,000 by gateway and channel, the network between as one node', () => {
    const parts = manyParts(1_000);
    for (const width of [272, 560]) {
      const flow = layoutFlow(parts, 'P', width);
      expectReadable(flow);
      expect(new Set(flow.nodes.map(({ id }) => id))).toEqual(
        new Set([WALLET, 'g0', 'g1', 'g2', NETWORK, 'last0', 'last1', 'last2', PAYEE]),
      );
      const reached = parts.flatMap(({ path, failedAt }) => path.slice(1, (failedAt ?? path.length) + 1));
      const between = new Set(reached.map((hop) => hop.node).filter((name) => /^[ab]/.test(name)));
      expect(node(flow, NETWORK).count).toBe(between.size);
      // One band for each of the six own channels and each state that its parts are in.
      expect(new Set(sent(flow).map(({ id }) => id.replace(/:.*/, '')))).toHaveProperty('size', 6);
      expect(total(sent(flow), 'parts')).toBe(1_000);
      expect(total(sent(flow), 'amountMsat')).toBe(1_000 * 1_000_000);
      expect(flow.links.some(({ cross }) => cross !== null)).toBe(true);
    }
  });

  it('shows the largest of a hundred gateways, and the rest together', () => {
    const parts = [...manyParts(1_000, 100), part('ZP', 900_000_000), part('P', 5_000)];
    const flow = layoutFlow(parts, 'P', 296);
    expectReadable(flow);
    const gateways = flow.nodes.filter(({ kind }) => kind === 'gateway');
    expect(gateways.reduce((sum, { count }) => sum + count, 0)).toBe(101);
    expect(gateways.map(({ id }) => id)).toContain('Z');
    expect(node(flow, GATEWAYS).count).toBe(95);
    expect(total(sent(flow), 'parts')).toBe(1_002);
  });

  it('stays small when routes cross each other in every way', () => {
    const names = Array.from({ length: 40 }, (_, at) => `n${at}`);
    const parts = Array.from({ length: 1_000 }, (_, at) => ({
      ...part('', 1_000 + at),
      path: [1, 7, 11, 17].map((step, hop) => ({
        channel: `1x${at}x${hop}`,
        node: names[(at * step + hop) % 40] ?? '',
      })),
    }));
    expectReadable(layoutFlow(parts, null, 296));
    expectReadable(layoutFlow(parts, 'n5', 296));
  });
});
