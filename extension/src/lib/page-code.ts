/** A code on the page that the user looks at. */

import { decodeImage } from 'amplet-ui/base/scan.ts';
import { openWallet } from './tabs.ts';

/**
 * Reads a QR code out of what is visible of the page in front, and shows in the wallet what it would pay. Answers whether
 * there was one. Wants a click of the user on the extension, which is what lets it see the page.
 */
export async function openPageCode(): Promise<boolean> {
  const picture = await chrome.tabs.captureVisibleTab({ format: 'png' });
  const text = await decodeImage(pictureOf(picture));
  if (text === null) return false;
  await openWallet(`#/pay/${encodeURIComponent(text)}`);
  return true;
}

/** Decodes a `data:` URL. The policy of the extension's pages does not allow fetching it. */
function pictureOf(url: string): Blob {
  const bytes = Uint8Array.from(atob(url.slice(url.indexOf(',') + 1)), (char) => char.charCodeAt(0));
  return new Blob([bytes], { type: 'image/png' });
}
