/** Firefox ends a background page that asked nothing of it for 30 s, whatever goes on in there. */

/** Ms between two questions, well below that. */
const ASK_MS = 10_000;

/** Keeps this page, as long as it is busy. Otherwise it ends: the next event brings it back. */
export function stayAwake(busy: () => boolean): void {
  setInterval(() => {
    if (busy()) void chrome.runtime.getPlatformInfo();
  }, ASK_MS);
}
