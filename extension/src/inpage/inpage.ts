/** In the world of each page that can be a site: `window.webln`. The page can change all of this, to its own harm only. */

import { installWebln, windowTransport } from 'amplet/provider';

const ICON =
  'data:image/svg+xml,' +
  encodeURIComponent(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><rect width="24" height="24" rx="6" fill="#0c6450"/><path fill="#fff" d="M13 3 5 14h6l-1 7 9-12h-7z"/></svg>',
  );

// A sandboxed frame has no origin, and is nobody.
if (origin !== 'null')
  installWebln({ transport: windowTransport(), info: { name: 'Amplet', icon: ICON, rdns: 'dev.amplet' } });
