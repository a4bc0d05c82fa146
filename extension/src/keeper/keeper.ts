/**
 * The part of the extension that lasts: it holds the wallet and speaks with sites and windows. Runs in the offscreen document
 * (Chrome) or the background page (Firefox); what only the browser's service worker can do it asks of the desk.
 */

import '../lib/language.ts';
import { WalletError, type Wallet } from 'amplet';
import { SiteHost, siteWallet } from 'amplet/provider';
import { Badge } from './badge.ts';
import { tellEvents } from './notices.ts';
import { Pages } from './pages.ts';
import { Questions } from './questions.ts';
import { Sites } from './sites.ts';
import { Notes } from './store.ts';
import { Streams } from './streams.ts';
import { Vault } from './vault.ts';
import { APPROVE_PORT, fromExtension, isFor, SITE_PORT, WATCH_PORT, type ToDesk, type ToKeeper } from '../lib/messages.ts';

/** Asks the desk; answers what the message says. */
export type Chores = (message: ToDesk) => Promise<unknown>;

/** Starts it, once in a document's life. Returns how to ask it from the same document, where messages do not arrive. */
export function startKeeper(chores: Chores): (message: ToKeeper) => Promise<unknown> {
  const vault = new Vault(chores, (wallet) => {
    void tellEvents(wallet, chores);
    void pages.resume();
    void streams.resume();
  });
  const open = (): Wallet => {
    if (vault.wallet === null) throw new WalletError('closed', 'The wallet is locked: unlock it.');
    return vault.wallet;
  };
  const store = new Notes();
  const badge = new Badge(chores);
  const questions = new Questions(chores, badge);
  const paying = siteWallet(open);
  const streams = new Streams({ open, wallet: paying, store, badge, tell: (site, report) => sites.tellStream(site, report) });
  const wallet = { ...paying, streams: streams.ofSites };
  const host = new SiteHost({ wallet, ask: (question, signal) => questions.ask(question, signal), store, version: __VERSION__ });
  const sites = new Sites(host, vault, questions);
  const pages = new Pages(host, wallet, store, sites, chores);
  const attend = (message: ToKeeper): Promise<unknown> => answer(message, vault, pages, chores);

  chrome.runtime.onConnect.addListener((port) => {
    if (port.name === SITE_PORT) sites.attach(port);
    else if (port.sender === undefined || !fromExtension(port.sender)) return;
    else if (port.name === APPROVE_PORT) questions.attach(port);
    else if (port.name === WATCH_PORT) streams.attach(port);
  });
  chrome.runtime.onMessage.addListener((message: unknown, sender, reply) => {
    if (!fromExtension(sender) || !isFor<ToKeeper>(message, 'keeper')) return false;
    attend(message).then(reply, (error: unknown) => {
      console.error('keeper', message.ask, error);
      reply(undefined);
    });
    return true;
  });
  void vault.open();
  return attend;
}

async function answer(message: ToKeeper, vault: Vault, pages: Pages, chores: Chores): Promise<unknown> {
  switch (message.ask) {
    case 'unlocked':
      await vault.open();
      return;
    case 'navigation':
      return pages.observe(message.response);
    case 'tabGone':
      return pages.tabGone(message.tabId);
    case 'receipts':
      return pages.receipts();
    case 'forget':
      return pages.forget(message.paymentHash);
    case 'update':
      await vault.close();
      return chores({ to: 'desk', ask: 'restart' });
  }
}
