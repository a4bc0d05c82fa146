/** The offscreen document that holds the wallet: there once, however many ask for it at once. */

const PAGE = 'offscreen.html';

let creating: Promise<void> | null = null;

export async function ensureWalletHost(): Promise<void> {
  creating ??= create().finally(() => (creating = null));
  await creating;
}

async function create(): Promise<void> {
  const url = chrome.runtime.getURL(PAGE);
  const contexts = await chrome.runtime.getContexts({
    contextTypes: [chrome.runtime.ContextType.OFFSCREEN_DOCUMENT],
    documentUrls: [url],
  });
  if (contexts.length > 0) return;
  await chrome.offscreen.createDocument({
    url: PAGE,
    reasons: [chrome.offscreen.Reason.WORKERS],
    justification:
      'The wallet runs in a worker: it keeps its connections and finishes payments while no window is open.',
  });
}
