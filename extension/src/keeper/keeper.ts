/**
 * The part of the extension that lasts: it holds the wallet and speaks with sites and windows. Runs in the offscreen document
 * (Chrome) or the background page (Firefox); what only the browser's service worker can do it asks of the desk.
 */

import { WalletError, type Wallet } from 'amplet';
import { SiteHost, siteWallet } from 'amplet/provider';
import { Away } from './away.ts';
import { Badge } from './badge.ts';
import { finishing } from './finishing.ts';
import { tellEvents } from './notices.ts';
import { Pages } from './pages.ts';
import { Questions } from './questions.ts';
import { Sites } from './sites.ts';
import { Notes } from './store.ts';
import { Streams } from './streams.ts';
import { Vault } from './vault.ts';
import {
  APPROVE_PORT,
  fromExtension,
  isFor,
  SITE_PORT,
  WATCH_PORT,
  type ToDesk,
  type ToKeeper,
} from '../lib/messages.ts';

/** Asks the desk; answers what the message says. */
export type Chores = (message: ToDesk) => Promise<unknown>;

/** The keeper, for the document that it runs in. */
export interface Keeper {
  /** Asks it: a document's own messages do not arrive there. */
  ask(message: ToKeeper): Promise<unknown>;
  /** Whether it has something that would end with its document: an unlocked wallet, a question to the user. */
  busy(): boolean;
}

/** Starts it, once in a document's life. */
export function startKeeper(chores: Chores): Keeper {
  const vault = new Vault(chores, (wallet) => {
    void away.follow();
    away.watch(wallet);
    void tellEvents(wallet, chores);
    void pages.resume();
    void host.resume().catch((error: unknown) => console.warn('what was promised', error)); // the next start tries again
    void streams.resume();
  });
  const away = new Away(vault, chores);
  const open = (): Wallet => {
    if (vault.wallet === null) throw new WalletError('closed', 'The wallet is locked: unlock it.');
    return vault.wallet;
  };
  const store = new Notes();
  const badge = new Badge(chores);
  const questions = new Questions(chores, badge);
  const paying = finishing(siteWallet(open), () => vault.reached);
  const streams = new Streams({
    open,
    wallet: paying,
    store,
    badge,
    tell: (site, report) => sites.tellStream(site, report),
  });
  const wallet = { ...paying, streams: streams.ofSites };
  const host = new SiteHost({
    wallet,
    ask: (question, signal) => questions.ask(question, signal),
    store,
    version: __VERSION__,
  });
  const sites = new Sites(host, vault, questions);
  const pages = new Pages(host, wallet, store, sites, chores);
  const attend = (message: ToKeeper): Promise<unknown> => answer(message, { vault, pages, away, chores });

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
  return { ask: attend, busy: () => vault.unlocked || questions.waiting };
}

interface Parts {
  vault: Vault;
  pages: Pages;
  away: Away;
  chores: Chores;
}

async function answer(message: ToKeeper, { vault, pages, away, chores }: Parts): Promise<unknown> {
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
    case 'user':
      return away.user(message.state);
    case 'update':
      await vault.lock({ wait: true });
      return chores({ to: 'desk', ask: 'restart' });
  }
}
