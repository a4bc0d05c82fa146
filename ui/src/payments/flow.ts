/**
 * Layout of a payment's flow picture: the links of its parts as bands from the wallet (left) to the payee (right). Pure;
 * lengths in CSS pixels.
 *
 * Columns are the longest way from the wallet (layered drawing, Sugiyama et al. 1981: layers, waypoints, barycentres).
 *
 * Not d3-sankey: it has no waypoints for links over several columns, no least width of a band and no room for names, so most of
 * this file would stay beside it.
 */

import type { PartState, PaymentPart } from 'amplet';
import { linksOf, PAYEE, WALLET, type Merged } from './flow-routes.ts';

export interface FlowNode {
  /** `WALLET`, `PAYEE`, `NETWORK`, `GATEWAYS`, or a node id in hex. */
  id: string;
  kind: 'wallet' | 'gateway' | 'hop' | 'payee';
  /** Number of nodes that it stands for. */
  count: number;
  x: number;
  y: number;
  height: number;
  /** Place of its name (`y` is the base line) and how many characters of it fit; `null`: there is no room for one. */
  label: { x: number; y: number; anchor: 'start' | 'middle' | 'end'; characters: number } | null;
}

/** All parts of one state between two neighbours, in one lane. */
export interface FlowLink {
  id: string;
  state: PartState;
  /** An SVG path along its middle. */
  d: string;
  width: number;
  amountMsat: bigint;
  parts: number;
  /** Place where parts of it failed, when that is known to be here. */
  cross: { x: number; y: number } | null;
}

export interface Flow {
  width: number;
  height: number;
  nodes: FlowNode[];
  /** In the order of painting: failed ones lie behind. */
  links: FlowLink[];
}

export const BAR = 6;
const LABEL = 18;
const BASE_LINE = { above: -6, below: 14 };
const THICKEST = 88;
const PER_PART = 10;
const THINNEST = 2;
const FAILED = { width: 1.5, slot: 5 };
const GAP = 12;
const MARGIN = 8;
/** The mean width of a character of `--text-xs`, and the fewest of a name that tell anything. */
const CHARACTER = 6.8;
const FEWEST_CHARACTERS = 6;
/** Maximum width of the payee's name, and of any other. */
const ENDS = 64;
const LONGEST = 160;
/** A column with more nodes than this has no room for their names. */
const MOST_NAMED = 8;
const RANK: Record<PartState, number> = { succeeded: 0, pending: 1, failed: 2 };

type Label = Omit<NonNullable<FlowNode['label']>, 'y'>;

/** A node, or the place where a link crosses a column that it does not stop in. */
interface Cell {
  id: string;
  column: number;
  node: boolean;
  size: number;
  label: Label | null;
  /** Its name stands below it. */
  below: boolean;
  /** Of its bar's upper end, the picture's middle being 0. */
  y: number;
  incoming: Segment[];
  outgoing: Segment[];
}

interface Segment {
  link: Merged;
  from: Cell;
  to: Cell;
  slot: number;
  fromY: number;
  toY: number;
}

/** The column of each stop: one more than that of the farthest that leads to it; links that close a ring do not count. */
function columnsOf(links: readonly Merged[]): Map<string, number> {
  const next = new Map<string, Set<string>>();
  for (const { from, to } of links) next.set(from, (next.get(from) ?? new Set()).add(to));
  const seen = new Set<string>();
  const finished: string[] = [];
  const visit = (stop: string): void => {
    seen.add(stop);
    for (const to of next.get(stop) ?? []) if (!seen.has(to)) visit(to);
    finished.push(stop);
  };
  visit(WALLET);
  const order = new Map(finished.reverse().map((stop, at) => [stop, at]));
  const columns = new Map<string, number>([[WALLET, 0]]);
  for (const [stop, at] of order) {
    for (const to of next.get(stop) ?? []) {
      if ((order.get(to) ?? 0) > at) columns.set(to, Math.max(columns.get(to) ?? 0, (columns.get(stop) ?? 0) + 1));
    }
  }
  columns.delete(PAYEE);
  return columns.set(PAYEE, Math.max(...columns.values()) + 1);
}

/** Width of each link. Pixels need no exact amounts: those above 2^53 msat are rounded. */
function widths(parts: readonly PaymentPart[]): (link: Merged) => number {
  const live = parts.filter(({ state }) => state !== 'failed');
  const total = Number(live.reduce((sum, { amountMsat }) => sum + amountMsat, 0n));
  const scale = total === 0 ? 0 : Math.min(THICKEST, PER_PART * live.length) / total;
  return ({ state, amountMsat }) =>
    state === 'failed' ? FAILED.width : Math.max(THINNEST, Number(amountMsat) * scale);
}

const slots = (segments: readonly Segment[]): number => segments.reduce((sum, { slot }) => sum + slot, 0);

/** Cells, and each link as pieces between them. */
function place(links: readonly Merged[], widthOf: (link: Merged) => number): { cells: Cell[]; bands: Segment[][] } {
  const cells = new Map<string, Cell>();
  const cell = (id: string, column: number, node: boolean): Cell => {
    const found = cells.get(id) ?? {
      id,
      column,
      node,
      size: 0,
      label: null,
      below: false,
      y: 0,
      incoming: [],
      outgoing: [],
    };
    cells.set(id, found);
    return found;
  };
  for (const [id, column] of columnsOf(links)) cell(id, column, true);
  const bands = links.map((link) => {
    const from = cell(link.from, 0, true);
    const to = cell(link.to, 0, true);
    const between = Array.from({ length: Math.max(0, to.column - from.column - 1) }, (_, at) =>
      cell(`${link.from}>${link.to}@${at}`, from.column + 1 + at, false),
    );
    const slot = link.state === 'failed' ? FAILED.slot : widthOf(link);
    let last = from;
    return [...between, to].map((stop) => {
      const segment = { link, from: last, to: stop, slot, fromY: 0, toY: 0 };
      last.outgoing.push(segment);
      stop.incoming.push(segment);
      last = stop;
      return segment;
    });
  });
  for (const one of cells.values()) one.size = Math.max(BAR, slots(one.incoming), slots(one.outgoing));
  return { cells: [...cells.values()], bands };
}

const middle = (cell: Cell): number => cell.y + cell.size / 2;
const extent = (cell: Cell): number => cell.size + (cell.label ? LABEL : 0);

/**
 * Puts a column's cells one under another, about the picture's middle; returns half its height. Names stand on the
 * outer side, since bands come from the inner one.
 */
function stack(column: Cell[]): number {
  const height = column.reduce((all, cell) => all + extent(cell), GAP * (column.length - 1));
  let y = -height / 2;
  for (const cell of column) {
    cell.below = y + extent(cell) / 2 > 1;
    cell.y = cell.below ? y : y + extent(cell) - cell.size;
    y += extent(cell) + GAP;
  }
  return height / 2;
}

/** Orders each column by where its neighbours are, to and fro, so that few bands cross; returns half the height. */
function arrange(columns: Cell[][]): number {
  const pull = (cell: Cell, side: 'incoming' | 'outgoing'): number => {
    const far = side === 'incoming' ? 'from' : 'to';
    const all = slots(cell[side]);
    return all === 0
      ? middle(cell)
      : cell[side].reduce((sum, segment) => sum + segment.slot * middle(segment[far]), 0) / all;
  };
  columns.forEach(stack);
  for (const side of ['incoming', 'outgoing', 'incoming'] as const) {
    for (const column of side === 'incoming' ? columns : columns.toReversed()) {
      const pulls = new Map(column.map((cell) => [cell, pull(cell, side)]));
      column.sort((a, b) => (pulls.get(a) ?? 0) - (pulls.get(b) ?? 0));
      stack(column);
    }
  }
  return Math.max(...columns.map(stack));
}

/** Gives each piece its place on the bars at its two ends, in the order in which the other ends lie. */
function dock(cell: Cell): void {
  for (const [side, far, end] of [
    ['outgoing', 'to', 'fromY'],
    ['incoming', 'from', 'toY'],
  ] as const) {
    cell[side].sort((a, b) => middle(a[far]) - middle(b[far]) || RANK[a.link.state] - RANK[b.link.state]);
    let y = middle(cell) - slots(cell[side]) / 2;
    for (const segment of cell[side]) {
      segment[end] = y + segment.slot / 2;
      y += segment.slot;
    }
  }
}

const round = (length: number): number => Math.round(length * 10) / 10;

/** The band's middle line through its pieces, and the cross on the last of them. */
function draw(
  link: Merged,
  pieces: readonly Segment[],
  width: number,
  xOf: (cell: Cell) => number,
  shift: number,
): FlowLink {
  let d = '';
  let cross: FlowLink['cross'] = null;
  for (const { from, to, fromY, toY } of pieces) {
    const [x0, x1, y0, y1] = [xOf(from) + BAR, xOf(to), fromY + shift, toY + shift].map(round) as [
      number,
      number,
      number,
      number,
    ];
    const bend = round((x0 + x1) / 2);
    d += `${d === '' ? 'M' : 'L'}${x0} ${y0}C${bend} ${y0} ${bend} ${y1} ${x1} ${y1}`;
    cross = { x: bend, y: round((y0 + y1) / 2) };
  }
  const { id, state, amountMsat, parts, broken } = link;
  return { id, state, d, width: round(width), amountMsat, parts, cross: broken ? cross : null };
}

/** Decides which names fit, given the distance between columns: all, those of gateways, or the two ends'. */
function naming(columns: readonly Cell[][], gateways: ReadonlySet<string>, step: number, width: number) {
  const crowded = columns.some((column) => column.filter(({ node }) => node).length > MOST_NAMED);
  const hops = step >= 72 && !crowded;
  const named = hops || (step >= 48 && gateways.size <= MOST_NAMED);
  // Where hops have no names, those of gateways reach to the right, as far as the payee's.
  const room = hops ? step : named ? Math.min(width - step - ENDS, LONGEST) : width / 2;
  const characters = Math.floor((room - MARGIN) / CHARACTER);
  return (cell: Cell): Label | null => {
    if (!cell.node || characters < FEWEST_CHARACTERS) return null;
    if (cell.id === WALLET) return { x: 0, anchor: 'start', characters };
    if (cell.id === PAYEE) return { x: width, anchor: 'end', characters };
    const x = round(cell.column * step + BAR / 2);
    if (hops) return { x, anchor: 'middle', characters };
    return named && cell.column === 1 && gateways.has(cell.id) ? { x: x - BAR / 2, anchor: 'start', characters } : null;
  };
}

function kindOf(id: string, gateways: ReadonlySet<string>): FlowNode['kind'] {
  if (id === WALLET) return 'wallet';
  if (id === PAYEE) return 'payee';
  return gateways.has(id) ? 'gateway' : 'hop';
}

/**
 * The picture of `parts` in `width` pixels. `payee` is the payee's node id in hex; `null` where it hides behind the
 * last node of the parts' paths.
 */
export function layoutFlow(parts: readonly PaymentPart[], payee: string | null, width: number): Flow {
  const { links, counts } = linksOf(parts, payee);
  const widthOf = widths(parts);
  const { cells, bands } = place(links, widthOf);
  const columns: Cell[][] = [];
  for (const cell of cells) (columns[cell.column] ??= []).push(cell);
  const step = (width - BAR) / (columns.length - 1);
  const gateways = new Set(links.filter(({ from, to }) => from === WALLET && to !== PAYEE).map(({ to }) => to));
  const labelOf = naming(columns, gateways, step, width);
  for (const cell of cells) cell.label = labelOf(cell);
  const half = arrange(columns);
  cells.forEach(dock);
  const xOf = (cell: Cell) => cell.column * step;
  return {
    width,
    height: Math.ceil(2 * half),
    nodes: cells
      .filter(({ node }) => node)
      .map((cell) => ({
        id: cell.id,
        kind: kindOf(cell.id, gateways),
        count: counts.get(cell.id) ?? 1,
        x: round(xOf(cell)),
        y: round(cell.y + half),
        height: round(cell.size),
        label: cell.label && {
          ...cell.label,
          y: round(cell.y + half + (cell.below ? cell.size + BASE_LINE.below : BASE_LINE.above)),
        },
      })),
    links: links
      .map((link, at) => draw(link, bands[at] ?? [], widthOf(link), xOf, half))
      .sort((a, b) => RANK[b.state] - RANK[a.state]),
  };
}
