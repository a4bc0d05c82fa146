/** The site of the page in front of the user, as they go from page to page. */

import { siteOf, type Site } from 'amplet/provider';

class Front {
  /** `null` where no site can be paid; `undefined` until it is known. */
  site = $state.raw<Site | null | undefined>(undefined);

  /** Begins to look; returns how to end it. */
  watch(): () => void {
    const look = (): void => void this.#look();
    const changed = (_: number, { url, status }: chrome.tabs.OnUpdatedInfo): void => {
      if (url !== undefined || status !== undefined) look(); // addresses that the browser keeps to itself change unnamed
    };
    chrome.tabs.onActivated.addListener(look);
    chrome.tabs.onUpdated.addListener(changed);
    look();
    return () => {
      chrome.tabs.onActivated.removeListener(look);
      chrome.tabs.onUpdated.removeListener(changed);
    };
  }

  async #look(): Promise<void> {
    const site = siteIn(await tabInFront());
    // The same site on another page keeps what is shown of it.
    if (site?.origin !== this.site?.origin || this.site === undefined) this.site = site;
  }
}

/** Of this document's window; where that has no tabs, of the last one that has. */
async function tabInFront(): Promise<chrome.tabs.Tab | undefined> {
  const { id, type } = await chrome.windows.getCurrent();
  const windowId = type === 'normal' ? id : (await chrome.windows.getLastFocused({ windowTypes: ['normal'] })).id;
  const [tab] = await chrome.tabs.query({ active: true, ...(windowId === undefined ? {} : { windowId }) });
  return tab;
}

function siteIn(tab: chrome.tabs.Tab | undefined): Site | null {
  if (tab?.id === undefined || tab.url === undefined || !URL.canParse(tab.url)) return null;
  const { origin } = new URL(tab.url);
  return siteOf({ origin, topLevelOrigin: origin, tabId: tab.id, frameId: 0 });
}

export const front = new Front();
