/** What `<amplet-pay>` shows: a code, a button, a state. Built of elements only, so that a strict policy allows it. */

import encodeQR from 'qr';

/** The element's words, to be given in another language. */
export interface PayTexts {
  /** The button where a wallet is in the page (WebLN). */
  readonly pay: string;
  /** The link where there is none. */
  readonly open: string;
  /** Copies the invoice. */
  readonly copy: string;
  /** It was copied. */
  readonly copied: string;
  /** Name of the code, for who does not see it. */
  readonly code: string;
  /** By state, as it is read out. */
  readonly states: Readonly<Record<PayState, string>>;
}

/** State of a payment: `waiting` for it, `sending` it from the page's wallet, and its ends. */
export type PayState = 'waiting' | 'sending' | 'paid' | 'expired' | 'failed';

/** In English. */
export const ENGLISH: PayTexts = {
  pay: 'Pay',
  open: 'Open in a wallet',
  copy: 'Copy the invoice',
  copied: 'Copied',
  code: 'QR code of the invoice',
  states: {
    waiting: 'Waiting for the payment',
    sending: 'Paying',
    paid: 'Paid',
    expired: 'This invoice has expired',
    failed: 'The payment failed',
  },
};

/** Colours and sizes can be set from outside; the code stays dark on light, or cameras do not read it. */
export const STYLE = `
:host { display: inline-block; font: inherit; color: inherit; max-inline-size: var(--amplet-size, 16rem); inline-size: 100%; }
:host([hidden]) { display: none; }
svg { display: block; inline-size: 100%; background: #fff; color: #000; border-radius: var(--amplet-radius, .5rem); }
.row { display: flex; flex-wrap: wrap; gap: .5rem; margin-block: .5rem; }
button, a { flex: 1 1 auto; box-sizing: border-box; min-block-size: 44px; padding: .5rem 1rem; font: inherit; font-size: max(16px, 1em);
  text-align: center; text-decoration: none; cursor: pointer; border: 1px solid currentColor; border-radius: var(--amplet-radius, .5rem);
  color: inherit; background: transparent; }
.main { color: var(--amplet-on-accent, #fff); background: var(--amplet-accent, #6b2fd6); border-color: transparent; }
:focus-visible { outline: 3px solid var(--amplet-accent, #6b2fd6); outline-offset: 2px; }
button:disabled { opacity: .6; cursor: default; }
p { margin: 0; }
`;

/** The code of a text as an image, whose name is `label`. */
export function qrCode(text: string, label: string): SVGSVGElement {
  const rows = encodeQR(text, 'raw', { border: 4 });
  const path = rows.flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${x} ${y}h1v1h-1z`] : []))).join('');
  const svg = node('svg', {
    viewBox: `0 0 ${rows.length} ${rows.length}`,
    role: 'img',
    'aria-label': label,
    part: 'code',
  });
  svg.append(node('path', { d: path, fill: 'currentColor', 'shape-rendering': 'crispEdges' }));
  return svg as SVGSVGElement;
}

const node = (name: string, attributes: Record<string, string>): Element => {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
};

/** An element of HTML with attributes and a text. */
export function element<K extends 'a' | 'button' | 'div' | 'p'>(
  name: K,
  attributes: Record<string, string>,
  text = '',
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}
