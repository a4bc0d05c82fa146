/** The wallet's own tab, which the small windows point to. */

/** Shows a screen of the wallet in its tab, the one that is open already if there is one. */
export async function openWallet(hash = ''): Promise<void> {
  const page = chrome.runtime.getURL('options.html');
  const [open] = await chrome.tabs.query({ url: `${page}*` });
  const url = page + hash;
  if (open?.id === undefined) await chrome.tabs.create({ url });
  else {
    await chrome.tabs.update(open.id, { active: true, ...(open.url === url ? {} : { url }) });
    await chrome.windows.update(open.windowId, { focused: true });
  }
}

/** For parts made for the tab, shown in a small window: their links (`#/history/…`) lead to the tab. */
export function linksToTab(node: HTMLElement): { destroy(): void } {
  const follow = (event: MouseEvent): void => {
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (link === null || link.origin !== location.origin) return;
    event.preventDefault();
    void openWallet(link.hash);
  };
  node.addEventListener('click', follow);
  return { destroy: () => node.removeEventListener('click', follow) };
}
