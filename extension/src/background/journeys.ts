/**
 * How tabs come to their pages: who began it, and what it passed on its way. Known as long as a page loads; a background that
 * died meanwhile knows of none, and then nothing counts as begun by the user.
 */

/** A request for a page, as both browsers tell of it. */
export interface PageRequest {
  requestId: string;
  tabId: number;
  url: string;
  /** Origin of the page that began it (Chrome); none: the user did. */
  initiator?: string | undefined;
  /** Address of that page (Firefox). */
  originUrl?: string | undefined;
}

interface Journey {
  tabId: number;
  /** Origin of who began it; `null`: the user. */
  starter: string | null;
  /** Origins that it was asked of, redirects included. */
  passed: Set<string>;
}

/** Requests that are forgotten when more are under way: the oldest. */
const MAX_JOURNEYS = 500;

export class Journeys {
  readonly #journeys = new Map<string, Journey>();
  /** Request that each tab made last. */
  readonly #last = new Map<number, string>();

  /** A tab asks for a page; once more when it is sent elsewhere. */
  begun({ requestId, tabId, url, initiator, originUrl }: PageRequest): void {
    const starter = initiator ?? (originUrl === undefined ? null : originOf(originUrl));
    const journey = this.#journeys.get(requestId) ?? { tabId, starter, passed: new Set<string>() };
    journey.passed.add(originOf(url));
    this.#journeys.set(requestId, journey);
    this.#last.set(tabId, requestId);
    const [oldest] = this.#journeys.keys();
    if (this.#journeys.size > MAX_JOURNEYS && oldest !== undefined) this.#journeys.delete(oldest);
  }

  /** True if the user or the site itself began it, and no other site had a part in it. */
  isOwn({ requestId, url }: Pick<PageRequest, 'requestId' | 'url'>): boolean {
    const journey = this.#journeys.get(requestId);
    if (journey === undefined) return false;
    const origin = originOf(url);
    return (journey.starter ?? origin) === origin && [...journey.passed].every((passed) => passed === origin);
  }

  /** True if the tab has asked for something else since. */
  isLeft({ requestId, tabId }: Pick<PageRequest, 'requestId' | 'tabId'>): boolean {
    return (this.#last.get(tabId) ?? requestId) !== requestId;
  }

  /** It has come to its end. */
  ended({ requestId }: Pick<PageRequest, 'requestId'>): void {
    this.#journeys.delete(requestId);
  }

  /** The tab was closed. */
  closed(tabId: number): void {
    this.#last.delete(tabId);
  }
}

const originOf = (url: string): string => (URL.canParse(url) ? new URL(url).origin : 'null');
