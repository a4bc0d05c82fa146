/**
 * Declares `window.webln`, for pages that call a wallet: `import type {} from 'amplet/webln'`. Not for pages that have another package
 * declare it.
 * @module amplet/webln
 */

import type { Webln } from './provider.js';

declare global {
  interface Window {
    /** The page's wallet, if it has one. */
    webln?: Webln | undefined;
  }
}
