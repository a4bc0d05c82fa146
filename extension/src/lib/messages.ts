/**
 * Messages between the parts of the extension. Pages of sites speak through `content` with the wallet host, in the messages
 * of `amplet/provider`; nothing here is open to them.
 *
 * - **wallet host**: holds the wallet, the permissions of sites and the questions to the user. The offscreen document in Chrome,
 *   the background page in Firefox: it lives as long as the browser.
 * - **background**: does for the wallet host what an offscreen document cannot: windows, badge, notices, network rules. The service
 *   worker in Chrome, where it dies at any moment and keeps nothing.
 */

import type { Decision, NavigationResponse, NavigationStep, OpenStream, PromptRequest, Site } from 'amplet/provider';

/** The port of a frame of a site to the wallet host. Its sender says who it is. */
export const SITE_PORT = 'site';
/** The port of the window that asks the user. */
export const APPROVE_PORT = 'approve';
/** The port of the popup, or of the side panel: what flows, as long as it is shown. */
export const WATCH_PORT = 'watch';

/** To the background. */
export type BrowserTask =
  | SiteTask
  /** Returns the key of the unlocked wallet, or `null`. */
  | { to: 'browser'; ask: 'key' }
  /** The wallet was locked. */
  | { to: 'browser'; ask: 'locked' }
  /** Shows the window that asks the user. */
  | { to: 'browser'; ask: 'prompt' }
  /** After so many minutes without a touch it is to say that the user is gone; at least 1. */
  | { to: 'browser'; ask: 'idleAfter'; minutes: number }
  /** Sets the badge's text; empty: no badge. */
  | { to: 'browser'; ask: 'badge'; text: string }
  | { to: 'browser'; ask: 'notify'; id: string; title: string; message: string }
  /** Carries out a step for a page that costs money. */
  | { to: 'browser'; ask: 'step'; step: NavigationStep }
  /** The wallet host is ready for an update to be installed. */
  | { to: 'browser'; ask: 'restart' };

/** All that a content script can ask of the background; it is heard whatever page it is in. */
export type SiteTask =
  /** Sees to it that the wallet host runs. Returns nothing. */
  | { to: 'browser'; ask: 'wake' }
  /** The user clicked a `lightning:` link: shows in the wallet what it would pay. */
  | { to: 'browser'; ask: 'open'; text: string };

/** To a site's port, before anything else: the wallet host hears. */
export interface FromWalletHost {
  walletHost: 'here';
}

/**
 * From a site's port, beside the calls of its page: whether the user sees it, has just touched this very frame, and whether its page
 * was answered as enabled since it was loaded, by whichever wallet host.
 */
export interface FromContent {
  visible: boolean;
  touched: boolean;
  enabled: boolean;
}

/** To who watches: the streams that there are, at each change and each second while one runs. */
export interface ToWatch {
  streams: OpenStream[];
}

/** From who watches: what the user wants of one. */
export interface FromWatch {
  streamId: string;
  action: 'pause' | 'resume' | 'stop';
}

/** To the window that asks the user: what to show now. Its port is closed when nothing is left to ask. */
export interface ToApprove {
  id: number;
  request: Shown;
  /** Questions that wait, this one included. */
  waiting: number;
}

/**
 * Content of that window: a site's request, that the wallet has to be unlocked before the site is answered, or that the budget of a
 * stream is used up, whose next payment is of `amountMsat`.
 */
export type Shown = PromptRequest | { kind: 'unlock'; site: Site } | { kind: 'usedUp'; site: Site; amountMsat: bigint };

/** The user's decision, from that window. */
export interface FromApprove {
  id: number;
  decision: Decision;
  /** With a no: it holds until the site's budget allows something again. */
  stop?: boolean;
}

/** To the wallet host. */
export type ToWalletHost =
  /** The wallet was unlocked. */
  | { to: 'walletHost'; ask: 'unlocked' }
  /**
   * A page that costs money came, or the answer to a header that was set for one; its tab is in front or behind another, or has
   * been left for something else meanwhile.
   */
  | { to: 'walletHost'; ask: 'navigation'; response: NavigationResponse; place: 'inFront' | 'behind' | 'left' }
  /** A tab begins to load something, or is gone (`url` is `null`), or shows what did not have to be loaded. */
  | { to: 'walletHost'; ask: 'tabLeft'; tabId: number; url: string | null }
  /** A tab has come to the front. */
  | { to: 'walletHost'; ask: 'tabShown'; tabId: number }
  | { to: 'walletHost'; ask: 'tabGone'; tabId: number }
  /** Returns the sites that the user let in, `ConnectedSite[]`. */
  | { to: 'walletHost'; ask: 'connectedSites' }
  /** Returns whether a site has asked for anything, `boolean`. */
  | { to: 'walletHost'; ask: 'hasAsked'; site: Site }
  /** Takes back what the user granted a site, closes its budget and ends its streams. Returns `true`. */
  | { to: 'walletHost'; ask: 'disconnect'; site: Site }
  /** Returns which site had which payment made, `[id, name of the site][]`. */
  | { to: 'walletHost'; ask: 'payers' }
  /** The wallet was deleted: what an earlier release kept about sites goes, too. Returns `true`. */
  | { to: 'walletHost'; ask: 'forgetSites' }
  /** Returns what was paid for and not delivered, `Receipt[]`. */
  | { to: 'walletHost'; ask: 'receipts' }
  /** The user has seen one of those. */
  | { to: 'walletHost'; ask: 'forget'; paymentHash: string }
  /** The user has not touched the machine for a while, locked its screen, or is back. */
  | { to: 'walletHost'; ask: 'user'; state: `${chrome.idle.IdleState}` }
  /** An update waits: finish the step, close the wallet, then say `restart`. */
  | { to: 'walletHost'; ask: 'update' };

/** True if a message comes from a part of this extension that is no content script: those carry their page's origin. */
export function fromExtension(sender: chrome.runtime.MessageSender): boolean {
  const origin = sender.origin ?? (sender.url === undefined ? null : new URL(sender.url).origin);
  return sender.id === chrome.runtime.id && origin === new URL(chrome.runtime.getURL('')).origin;
}

/** True if it is a message for `to`. Its sender was checked. */
export function isFor<T extends BrowserTask | ToWalletHost>(message: unknown, to: T['to']): message is T {
  return typeof message === 'object' && message !== null && (message as Partial<T>).to === to;
}
