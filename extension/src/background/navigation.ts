/** Pages that cost money, as the browser shows them to the background; what is to be done about them the wallet host says. */

import type { NavigationResponse, NavigationStep } from 'amplet/provider';
import { Journeys } from './journeys.ts';
import { notify } from './notices.ts';
import { m } from 'amplet-ui/paraglide/messages.js';
import type { ToWalletHost } from '../lib/messages.ts';

/** Requests that can cost money: pages of their own, never parts of one. */
export const PAGES: chrome.webRequest.RequestFilter = { urls: ['http://*/*', 'https://*/*'], types: ['main_frame'] };

/** How the wallet host is reached. */
export interface ReachWalletHost {
  /** Asks it; it runs then. */
  ask: (message: ToWalletHost) => Promise<unknown>;
  /** Tells it, if it runs: without it nothing waits that this could concern. */
  tell: (message: ToWalletHost) => void;
}

const journeys = new Journeys();

/** To be called at each start of the background. */
export function registerNavigationListeners({ ask, tell }: ReachWalletHost): void {
  const left = (tabId: number, url: string | null): void => tell({ to: 'walletHost', ask: 'tabLeft', tabId, url });
  chrome.webRequest.onBeforeRequest.addListener((details) => {
    journeys.begun(details);
    left(details.tabId, null);
    return undefined;
  }, PAGES);
  chrome.webRequest.onCompleted.addListener((details) => void observe(details, ask), PAGES, ['responseHeaders']);
  chrome.webRequest.onErrorOccurred.addListener((details) => journeys.ended(details), PAGES);
  // What comes without a request: back to a page that was kept, to one of the browser's or of an extension.
  chrome.webNavigation.onCommitted.addListener(({ tabId, frameId, url }) => {
    if (frameId === 0) left(tabId, url);
  });
  chrome.tabs.onActivated.addListener(({ tabId }) => tell({ to: 'walletHost', ask: 'tabShown', tabId }));
  chrome.tabs.onRemoved.addListener((tabId) => {
    journeys.closed(tabId);
    left(tabId, null);
    void leave(tabId, ask);
  });
}

type Completed = chrome.webRequest.OnCompletedDetails;

/** Only what costs money, or answers a header that was set for it, is anybody's business. */
async function observe(details: Completed, ask: (message: ToWalletHost) => Promise<unknown>): Promise<void> {
  const uninvited = !journeys.isOwn(details);
  journeys.ended(details);
  const answered = await takeRule(details.tabId);
  if (details.statusCode !== 402 && !answered) return;
  const { tabId, url, method, statusCode, type, responseHeaders = [], documentLifecycle } = details;
  const headers = responseHeaders.map(({ name, value }) => ({ name, value }));
  const ahead = documentLifecycle !== undefined && documentLifecycle !== 'active';
  const sized = headers.some(({ name }) => name.toLowerCase() === 'content-length');
  const empty = answered && statusCode === 200 && !sized && (await holdsNothing(tabId));
  const response: NavigationResponse = {
    tabId,
    url,
    method,
    statusCode,
    type,
    headers,
    ahead,
    authorized: answered,
    empty,
    uninvited,
  };
  const { active = false } = (await chrome.tabs.get(tabId).catch(() => undefined)) ?? {};
  const place = journeys.isLeft(details) ? 'left' : active ? 'inFront' : 'behind';
  await ask({ to: 'walletHost', ask: 'navigation', response, place });
}

/** Ms after which a page that still loads is known to hold something. */
const LOAD_MS = 5_000;

/** True if a page without a length came without content. What cannot be looked at is not held against it. */
async function holdsNothing(tabId: number): Promise<boolean> {
  if (!(await isLoaded(tabId))) return false;
  const look = (): boolean => {
    const [navigation] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[];
    const nodes = document.head.childNodes.length + (document.body?.childNodes.length ?? 0);
    return navigation?.decodedBodySize === 0 && nodes === 0;
  };
  const results = await chrome.scripting.executeScript({ target: { tabId }, func: look }).catch(() => []);
  return results[0]?.result === true;
}

/** Waits until the tab shows the page that was answered: with the answer it still has the one before. */
function isLoaded(tabId: number): Promise<boolean> {
  return new Promise((done) => {
    const end = (loaded: boolean): void => {
      clearTimeout(timer);
      chrome.tabs.onUpdated.removeListener(seen);
      done(loaded);
    };
    const seen = (id: number, { status }: { status?: string }): void => {
      if (id === tabId && status === 'complete') end(true);
    };
    const timer = setTimeout(() => end(false), LOAD_MS);
    chrome.tabs.onUpdated.addListener(seen);
    chrome.tabs.get(tabId).then(
      ({ status }) => status === 'complete' && end(true),
      () => end(false),
    );
  });
}

async function leave(tabId: number, ask: (message: ToWalletHost) => Promise<unknown>): Promise<void> {
  if (await takeRule(tabId)) await ask({ to: 'walletHost', ask: 'tabGone', tabId });
}

/** Takes the tab's header away. Returns whether there was one. */
async function takeRule(tabId: number): Promise<boolean> {
  if (tabId <= 0) return false;
  const rules = await chrome.declarativeNetRequest.getSessionRules({ ruleIds: [tabId] });
  if (rules.length > 0) await chrome.declarativeNetRequest.updateSessionRules({ removeRuleIds: [tabId] });
  return rules.length > 0;
}

/** Does what the wallet host says about a page. */
export async function takeStep(step: NavigationStep): Promise<void> {
  if (step.do === 'reload') await reload(step);
  else if (step.do === 'show')
    await notify({ id: `page-${step.tabId}`, title: TITLES[step.problem](), message: HELP[step.problem]() });
}

const TITLES: Record<(NavigationStep & { do: 'show' })['problem'], () => string> = {
  badChallenge: m.page_badChallenge,
  insecure: m.page_insecure,
  notPaid: m.page_notPaid,
  pending: m.page_pending,
  notDelivered: m.page_notDelivered,
  failed: m.page_failed,
};

const HELP: typeof TITLES = {
  badChallenge: m.page_badChallenge_text,
  insecure: m.page_insecure_text,
  notPaid: m.page_notPaid_text,
  pending: m.page_pending_text,
  notDelivered: m.page_notDelivered_text,
  failed: m.page_failed_text,
};

/** The header goes with the next request of this tab for exactly this page; the tab's number is the rule's. */
async function reload({ tabId, url, header, authorization }: NavigationStep & { do: 'reload' }): Promise<void> {
  const tab = await settled(tabId, url);
  // The user went elsewhere: what was bought waits for the next visit. A page that is not shown yet is `pendingUrl`.
  if (tab === null || withoutFragment(tab.pendingUrl ?? tab.url) !== url) return;
  await chrome.declarativeNetRequest.updateSessionRules({
    removeRuleIds: [tabId],
    addRules: [
      {
        id: tabId,
        action: {
          type: 'modifyHeaders',
          requestHeaders: [{ header: header.toLowerCase(), operation: 'set', value: authorization }],
        },
        condition: {
          regexFilter: `^${url.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')}$`,
          isUrlFilterCaseSensitive: true,
          resourceTypes: ['main_frame'],
          requestMethods: ['get'],
          tabIds: [tabId],
        },
      },
    ],
  });
  // Until the page is shown, a reload would be one of the page before it.
  if (tab.pendingUrl === undefined) await chrome.tabs.reload(tabId, { bypassCache: true });
  else await chrome.tabs.update(tabId, { url });
}

/** The tab, once it shows `url` or something else is known to come; `null`: it is gone. Firefox tells of no page before it is there. */
function settled(tabId: number, url: string): Promise<chrome.tabs.Tab | null> {
  return new Promise((resolve) => {
    const look = (changed: number): void => void check(changed);
    const check = async (changed: number): Promise<void> => {
      if (changed !== tabId) return;
      const tab = await chrome.tabs.get(tabId).catch(() => null);
      if (tab?.status === 'loading' && tab.pendingUrl === undefined && withoutFragment(tab.url) !== url) return;
      chrome.tabs.onUpdated.removeListener(look);
      chrome.tabs.onRemoved.removeListener(look);
      resolve(tab);
    };
    chrome.tabs.onUpdated.addListener(look);
    chrome.tabs.onRemoved.addListener(look);
    look(tabId);
  });
}

const withoutFragment = (url = ''): string => url.split('#')[0] ?? '';
