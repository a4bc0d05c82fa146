/** Sites at their ports: who they are is what the browser says, what they say goes to the provider's host. */

import {
  siteOf,
  WIRE_VERSION,
  type Sender,
  type Site,
  type SiteEvent,
  type SiteHost,
  type StreamReport,
} from 'amplet/provider';
import type { PromptQueue } from './prompt-queue.ts';
import type { WalletSession } from './wallet-session.ts';
import type { FromContent, FromWalletHost } from '../lib/messages.ts';

/** Ms for which a site whose question to unlock was turned down asks no more. */
const QUIET_MS = 30_000;

export class Sites {
  readonly #host: SiteHost;
  readonly #session: WalletSession;
  readonly #prompts: PromptQueue;
  readonly #ports = new Map<chrome.runtime.Port, Sender>();
  #unlocking: Promise<boolean> | null = null;
  readonly #turnedDown = new Map<string, number>();

  constructor(host: SiteHost, session: WalletSession, prompts: PromptQueue) {
    this.#host = host;
    this.#session = session;
    this.#prompts = prompts;
    session.changed = () => void this.#notifyAccountChanged();
  }

  /** A frame of a site connected. */
  attach(port: chrome.runtime.Port): void {
    const sender = senderOf(port.sender);
    if (sender === null) {
      port.disconnect();
      return;
    }
    const gone = new AbortController();
    this.#ports.set(port, sender);
    port.onDisconnect.addListener(() => {
      this.#ports.delete(port);
      gone.abort();
    });
    port.onMessage.addListener((message: unknown) => {
      if (isSight(message)) this.#host.seen(gone.signal, message.visible);
      else void this.#answer(port, sender, message, gone.signal);
    });
    port.postMessage({ walletHost: 'here' } satisfies FromWalletHost);
  }

  /** Tells the pages of a site how their stream stands. */
  notifyStream({ origin, topLevel }: Site, report: StreamReport): void {
    const event: SiteEvent = { amplet: WIRE_VERSION, event: 'stream', detail: { ...report } };
    for (const [port, sender] of this.#ports)
      if (sender.origin === origin && sender.topLevelOrigin === topLevel) port.postMessage(event);
  }

  /** Opens the wallet, asking the user if it is locked; one question for all sites that wait. */
  async unlocked(site: Site, gone: AbortSignal): Promise<boolean> {
    if ((await this.#session.open()) !== null) return true;
    if (Date.now() - (this.#turnedDown.get(site.topLevel) ?? -Infinity) < QUIET_MS) return false;
    this.#unlocking ??= this.#prompts
      .ask({ kind: 'unlock', site }, gone)
      .then(async ({ allowed }) => {
        if (!allowed) this.#turnedDown.set(site.topLevel, Date.now());
        return allowed && (await this.#session.open()) !== null;
      })
      .finally(() => (this.#unlocking = null));
    return this.#unlocking;
  }

  /** Tells the sites that the user enabled; to others it is no business whether the wallet is locked. */
  async #notifyAccountChanged(): Promise<void> {
    const event: SiteEvent = { amplet: WIRE_VERSION, event: 'accountChanged', detail: null };
    for (const port of [...this.#ports.keys()]) {
      const sender = senderOf(port.sender);
      const site = sender && siteOf(sender);
      if (site && (await this.#host.records.grant(site)) !== null && this.#ports.has(port)) port.postMessage(event);
    }
  }

  async #answer(port: chrome.runtime.Port, sender: Sender, message: unknown, gone: AbortSignal): Promise<void> {
    // Locked, the host still answers: with what it may say without a wallet.
    const site = siteOf(sender);
    if (site !== null && wantsWallet(message)) await this.unlocked(site, gone);
    const reply = await this.#host.handle(sender, message, gone);
    if (reply !== null && !gone.aborted) port.postMessage(reply);
  }
}

/** The browser's word on who is at the port; `null`: it does not say. */
function senderOf(sender: chrome.runtime.MessageSender | undefined): Sender | null {
  const { tab, frameId, origin = originOf(sender?.url) } = sender ?? {};
  if (tab?.id === undefined || frameId === undefined || origin === null) return null;
  const topLevelOrigin = frameId === 0 ? origin : originOf(tab.url);
  return topLevelOrigin === null ? null : { origin, topLevelOrigin, tabId: tab.id, frameId };
}

const originOf = (url: string | undefined): string | null =>
  url !== undefined && URL.canParse(url) ? new URL(url).origin : null;

/** True if a call is more than the question whether the site is enabled, which a locked wallet answers, too. */
const wantsWallet = (message: unknown): boolean =>
  typeof message === 'object' && message !== null && (message as { method?: unknown }).method !== 'isEnabled';

/** Recognises what the content script sends by itself; a page's calls have no such form. */
const isSight = (message: unknown): message is FromContent =>
  typeof message === 'object' && message !== null && 'visible' in message && !('amplet' in message);
