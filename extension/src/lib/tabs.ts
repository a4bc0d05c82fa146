/** Tabs: the wallet's own, which the small windows point to, and the one in front of the person. */

import { siteOf, type Site } from 'amplet/provider';

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

/** The site of the page that the person looks at; `null` where no site can be paid. */
export async function siteInFront(): Promise<Site | null> {
  const [tab] = await chrome.tabs.query({ active: true, lastFocusedWindow: true });
  if (tab?.id === undefined || tab.url === undefined || !URL.canParse(tab.url)) return null;
  const { origin } = new URL(tab.url);
  return siteOf({ origin, topLevelOrigin: origin, tabId: tab.id, frameId: 0 });
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
