/** In each page's own world: `window.webln`. The page can change all of this, to its own harm only. */

import { installWebln, windowTransport } from 'amplet/provider';

const ICON =
  'data:image/svg+xml,' +
  encodeURIComponent(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><rect width="24" height="24" rx="6" fill="#0c6450"/><path fill="#fff" d="M13 3 5 14h6l-1 7 9-12h-7z"/></svg>',
  );

/** A version 4 UUID; pages without TLS have no `crypto.randomUUID`. */
function uuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const digits = Array.from(bytes, (byte, at) => {
    const fixed = at === 6 ? (byte & 0x0f) | 0x40 : at === 8 ? (byte & 0x3f) | 0x80 : byte;
    return fixed.toString(16).padStart(2, '0') + ([3, 5, 7, 9].includes(at) ? '-' : '');
  });
  return digits.join('');
}

installWebln({ transport: windowTransport(), info: { uuid: uuid(), name: 'Amplet', icon: ICON, rdns: 'dev.amplet' } });
