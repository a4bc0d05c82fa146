/** Sites at their ports: who they are is what the browser says, what they say goes to the provider's host. */

import {
  isSiteCall,
  siteOf,
  WIRE_VERSION,
  type Json,
  type PromptRequest,
  type Sender,
  type Site,
  type SiteCall,
  type SiteErrorCode,
  type SiteErrorName,
  type SiteEvent,
  type SiteHost,
  type SiteReply,
  type StreamReport,
} from 'amplet/provider';
import { Frame } from './frame.ts';
import type { PromptQueue } from './prompt-queue.ts';
import type { WalletSession } from './wallet-session.ts';
import type { FromContent, FromWalletHost } from '../lib/messages.ts';

/** Ms for which a page whose question to unlock was turned down asks no more. */
const QUIET_MS = 30_000;

/** Answer to the question to unlock; `gone`: the page that it was asked for went away, which is nobody's no. */
type Unlocking = 'yes' | 'no' | 'gone';

export class Sites {
  readonly #host: SiteHost;
  readonly #session: WalletSession;
  readonly #prompts: PromptQueue;
  readonly #frames = new Map<chrome.runtime.Port, Frame>();
  #unlocking: Promise<Unlocking> | null = null;
  /** When the user last turned the question to unlock down, by page in the address bar. */
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
    const frame = new Frame(sender);
    this.#frames.set(port, frame);
    port.onDisconnect.addListener(() => {
      this.#frames.delete(port);
      frame.gone.abort();
    });
    port.onMessage.addListener((message: unknown) => {
      if (!isSight(message)) return void this.#receive(port, frame, message);
      frame.told(message);
      this.#host.seen(frame.gone.signal, message.visible);
    });
    port.postMessage({ walletHost: 'here' } satisfies FromWalletHost);
  }

  /** The user took back what a site may do: its pages are asked about as if they were new. */
  disconnected({ origin, topLevel }: Site): void {
    for (const frame of this.#frames.values())
      if (frame.sender.origin === origin && frame.sender.topLevelOrigin === topLevel) frame.enabled = false;
  }

  /** Tells the pages of a site how their stream stands. */
  notifyStream({ origin, topLevel }: Site, report: StreamReport): void {
    const event: SiteEvent = { amplet: WIRE_VERSION, event: 'stream', detail: { ...report } };
    for (const [port, { sender }] of this.#frames)
      if (sender.origin === origin && sender.topLevelOrigin === topLevel) port.postMessage(event);
  }

  /**
   * Checks that a window may be raised for the frame that `signal` stands for. What was bought is shown in any case.
   * @throws {ProviderError} as {@link Frame.mayAsk}
   */
  mayAsk({ kind }: PromptRequest, signal: AbortSignal): void {
    if (kind === 'lnurlSuccess') return;
    for (const frame of this.#frames.values()) if (frame.gone.signal === signal) frame.mayAsk();
  }

  /** Opens the wallet, asking the user if it is locked; one question for all sites that wait. */
  async unlocked(site: Site, gone: AbortSignal): Promise<boolean> {
    while (!gone.aborted) {
      if ((await this.#session.open()) !== null) return true;
      if (Date.now() - (this.#turnedDown.get(site.topLevel) ?? -Infinity) < QUIET_MS) return false;
      this.#unlocking ??= this.#askToUnlock(site, gone).finally(() => (this.#unlocking = null));
      const answer = await this.#unlocking;
      // Asked for a page that went away meanwhile, it is asked again for one that still waits.
      if (answer !== 'gone') return answer === 'yes';
    }
    return false;
  }

  async #askToUnlock(site: Site, gone: AbortSignal): Promise<Unlocking> {
    const { decision } = await this.#prompts.ask({ kind: 'unlock', site }, gone);
    if (gone.aborted) return 'gone';
    if (!decision.allowed) this.#turnedDown.set(site.topLevel, Date.now());
    return decision.allowed && (await this.#session.open()) !== null ? 'yes' : 'no';
  }

  /** Tells the sites that the user enabled; to others it is no business whether the wallet is locked. */
  async #notifyAccountChanged(): Promise<void> {
    const event: SiteEvent = { amplet: WIRE_VERSION, event: 'accountChanged', detail: null };
    for (const [port, frame] of [...this.#frames]) {
      const enabled = frame.enabled || (await this.#isEnabled(frame).catch(() => false));
      if (enabled && this.#frames.has(port)) port.postMessage(event);
    }
  }

  async #receive(port: chrome.runtime.Port, frame: Frame, message: unknown): Promise<void> {
    if (!isSiteCall(message)) return;
    const refusal = frame.bounds.refuses(message);
    const reply = refusal === null ? await this.#answer(frame, message) : failed(message, 'RejectionError', refusal);
    if (refusal === null) frame.bounds.ended();
    if (reply !== null && !frame.gone.signal.aborted) port.postMessage(reply);
  }

  async #answer(frame: Frame, call: SiteCall): Promise<SiteReply | null> {
    const { sender, gone } = frame;
    const site = siteOf(sender);
    if (site !== null && this.#session.wallet === null) {
      const refused = await this.#openFor(site, frame, call);
      if (refused !== null) return refused;
    }
    // A page in the background is asked about when it comes to the front.
    if (call.method === 'enable' && !(await this.#isEnabled(frame).catch(() => false))) await frame.seen();
    const reply = await this.#host.handle(sender, call, gone.signal);
    if (reply?.ok === true && call.method !== 'isEnabled') frame.enabled = true;
    return reply;
  }

  /**
   * The wallet is locked. Whom the user enabled is sealed with it: only a page that asks to be enabled, or was answered as
   * enabled since it was loaded, has it opened; what it embeds of other sites has not.
   */
  async #openFor(site: Site, frame: Frame, call: SiteCall): Promise<SiteReply | null> {
    if (this.#session.moved)
      return call.method === 'isEnabled'
        ? succeeded(call, false)
        : failed(call, 'ConnectionError', 'The wallet is used on another device of its user.', 'moved');
    const opens = !frame.isForeign && (call.method === 'enable' || (frame.enabled && call.method !== 'isEnabled'));
    if (opens) await frame.seen();
    if ((await this.#session.open()) !== null || (opens && (await this.unlocked(site, frame.gone.signal)))) return null;
    if (call.method === 'isEnabled') return succeeded(call, false);
    return failed(call, 'ConnectionError', 'The wallet is closed or locked: open it, and ask again.');
  }

  async #isEnabled({ sender }: Frame): Promise<boolean> {
    const call: SiteCall = { amplet: WIRE_VERSION, id: 0, method: 'isEnabled', params: {} };
    const reply = await this.#host.handle(sender, call);
    return reply?.ok === true && reply.result === true;
  }
}

const succeeded = ({ id }: SiteCall, result: Json): SiteReply => ({ amplet: WIRE_VERSION, id, ok: true, result });

const failed = ({ id }: SiteCall, name: SiteErrorName, message: string, code?: SiteErrorCode): SiteReply => ({
  amplet: WIRE_VERSION,
  id,
  ok: false,
  error: { name, message, ...(code === undefined ? {} : { code }) },
});

/** The browser's word on who is at the port; `null`: it does not say. */
function senderOf(sender: chrome.runtime.MessageSender | undefined): Sender | null {
  const { tab, frameId, origin = originOf(sender?.url), documentLifecycle = 'active' } = sender ?? {};
  if (tab?.id === undefined || frameId === undefined || origin === null) return null;
  // Loaded ahead: nobody has asked for it yet, and its tab shows another page.
  if (documentLifecycle !== 'active') return null;
  const topLevelOrigin = frameId === 0 ? origin : originOf(tab.url);
  return topLevelOrigin === null ? null : { origin, topLevelOrigin, tabId: tab.id, frameId };
}

const originOf = (url: string | undefined): string | null =>
  url !== undefined && URL.canParse(url) ? new URL(url).origin : null;

/** Recognises what the content script sends by itself; a page's calls have no such form. */
const isSight = (message: unknown): message is FromContent =>
  typeof message === 'object' && message !== null && 'visible' in message && !('amplet' in message);
