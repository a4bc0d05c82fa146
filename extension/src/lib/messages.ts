/**
 * What the parts of the extension say to each other. Pages of sites speak through `content` with the keeper, in the messages
 * of `amplet/provider`; nothing here is open to them.
 *
 * - **keeper**: holds the wallet, the permissions of sites and the questions to the user. The offscreen document in Chrome,
 *   the background page in Firefox: it lives as long as the browser.
 * - **desk**: does for the keeper what an offscreen document cannot: windows, badge, notices, network rules. The service
 *   worker in Chrome, where it dies at any moment and keeps nothing.
 */

import type { Decision, NavigationResponse, NavigationStep, OpenStream, PromptRequest, Site } from 'amplet/provider';

/** The port of a frame of a site to the keeper. Its sender says who it is. */
export const SITE_PORT = 'site';
/** The port of the window that asks the user. */
export const APPROVE_PORT = 'approve';
/** The port of the popup, or of the side panel: what flows, as long as it is shown. */
export const WATCH_PORT = 'watch';

/** To the desk. */
export type ToDesk =
  | FromSites
  /** Answers the key of the unlocked wallet, or `null`. */
  | { to: 'desk'; ask: 'key' }
  /** The wallet was locked. */
  | { to: 'desk'; ask: 'locked' }
  /** Shows the window that asks the user. */
  | { to: 'desk'; ask: 'prompt' }
  /** After so many minutes without a touch it is to say that the user is gone; at least 1. */
  | { to: 'desk'; ask: 'idleAfter'; minutes: number }
  /** What the badge says; empty: nothing. */
  | { to: 'desk'; ask: 'badge'; text: string }
  | { to: 'desk'; ask: 'notify'; id: string; title: string; message: string }
  /** What to do about a page that costs money. */
  | { to: 'desk'; ask: 'step'; step: NavigationStep }
  /** The keeper is ready for an update to be installed. */
  | { to: 'desk'; ask: 'restart' };

/** All that a content script can ask of the desk; it is heard whatever page it is in. */
export type FromSites =
  /** Sees to it that the keeper runs. Answers nothing. */
  | { to: 'desk'; ask: 'wake' }
  /** The user clicked a `lightning:` link: shows in the wallet what it would pay. */
  | { to: 'desk'; ask: 'open'; text: string };

/** To a site's port, before anything else: the keeper hears. */
export interface FromKeeper {
  keeper: 'here';
}

/** From a site's port, beside the calls of its page: whether the user sees it. Until it is said, it is seen. */
export interface FromContent {
  visible: boolean;
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
  question: Shown;
  /** Questions that wait, this one included. */
  waiting: number;
}

/** What that window shows: a site's question, or that the wallet has to be unlocked before the site is answered. */
export type Shown = PromptRequest | { kind: 'unlock'; site: Site };

/** What that window says. */
export interface FromApprove {
  id: number;
  answer: Decision;
}

/** To the keeper. */
export type ToKeeper =
  /** The wallet was unlocked. */
  | { to: 'keeper'; ask: 'unlocked' }
  /** A page that costs money came, or the answer to a header that was set for one. */
  | { to: 'keeper'; ask: 'navigation'; response: NavigationResponse }
  | { to: 'keeper'; ask: 'tabGone'; tabId: number }
  /** Answers what was paid for and not delivered, `Receipt[]`. */
  | { to: 'keeper'; ask: 'receipts' }
  /** The user has seen one of those. */
  | { to: 'keeper'; ask: 'forget'; paymentHash: string }
  /** The user has not touched the machine for a while, locked its screen, or is back. */
  | { to: 'keeper'; ask: 'user'; state: `${chrome.idle.IdleState}` }
  /** An update waits: finish the step, close the wallet, then say `restart`. */
  | { to: 'keeper'; ask: 'update' };

/** Whether a message comes from a part of this extension that is no content script: those carry their page's origin. */
export function fromExtension(sender: chrome.runtime.MessageSender): boolean {
  const origin = sender.origin ?? (sender.url === undefined ? null : new URL(sender.url).origin);
  return sender.id === chrome.runtime.id && origin === new URL(chrome.runtime.getURL('')).origin;
}

/** Whether it is a message for `to`. Its sender was checked. */
export function isFor<T extends ToDesk | ToKeeper>(message: unknown, to: T['to']): message is T {
  return typeof message === 'object' && message !== null && (message as Partial<T>).to === to;
}
