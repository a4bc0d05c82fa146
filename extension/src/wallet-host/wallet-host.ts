/**
 * The part of the extension that lasts: it holds the wallet and speaks with sites and windows. Runs in the offscreen document
 * (Chrome) or the background page (Firefox); what only the browser's service worker can do it asks of the background.
 */

import { WalletError, type Wallet } from 'amplet';
import { SiteHost, siteWallet } from 'amplet/provider';
import { watchLinks } from 'amplet-ui/app/links.ts';
import { AutoLock } from './auto-lock.ts';
import { Badge } from './badge.ts';
import { whenReady } from './when-ready.ts';
import { notifyOfEvents } from './notices.ts';
import { Pages } from './pages.ts';
import { PromptQueue } from './prompt-queue.ts';
import { Sites } from './sites.ts';
import { Connections } from './connections.ts';
import { IdbFormerDatabase } from './former-database.ts';
import { moveFormerRecords } from './former-records.ts';
import { Streams } from './streams.ts';
import { UsedUp } from './used-up.ts';
import { WalletSession } from './wallet-session.ts';
import {
  APPROVE_PORT,
  fromExtension,
  isFor,
  SITE_PORT,
  WATCH_PORT,
  type BrowserTask,
  type ToWalletHost,
} from '../lib/messages.ts';

/** Runs a task in the background; returns what the message says. */
export type RunTask = (message: BrowserTask) => Promise<unknown>;

/** The wallet host, for the document that it runs in. */
export interface WalletHost {
  /** Asks it: a document's own messages do not arrive there. */
  ask: (message: ToWalletHost) => Promise<unknown>;
  /** True if it has something that would end with its document: an unlocked wallet, a question to the user. */
  busy: () => boolean;
}

/** Starts it, once in a document's life. */
export function startWalletHost(runTask: RunTask): WalletHost {
  const former = new IdbFormerDatabase();
  const session = new WalletSession(runTask, {
    // The next start tries again.
    prepare: (wallet) => moveFormerRecords(wallet, former).catch((error: unknown) => console.warn('records', error)),
    opened: (wallet) => {
      void autoLock.follow();
      autoLock.watch(wallet);
      void notifyOfEvents(wallet, runTask);
      watchLinks({ wallet }); // until it ends
      void pages.resume();
      void host.resume().catch((error: unknown) => console.warn('what was promised', error)); // the next start tries again
      void streams.resume();
    },
  });
  const autoLock = new AutoLock(session, runTask);
  const open = (): Wallet => {
    if (session.moved) throw new WalletError('movedToAnotherDevice', 'Another device has the wallet: move it here.');
    if (session.wallet === null) throw new WalletError('closed', 'The wallet is locked: unlock it.');
    return session.wallet;
  };
  const badge = new Badge(runTask);
  const prompts = new PromptQueue(runTask, badge);
  const paying = whenReady(siteWallet(open), { reached: () => session.reached, open });
  const usedUp = new UsedUp((site) => open().budgetOf({ kind: 'site', ...site }), badge);
  const streams = new Streams({
    open,
    wallet: paying,
    badge,
    notify: (site, report) => sites.notifyStream(site, report),
    askStalled: async ({ site, report, request: { creditMsat: amountMsat } }, gone) => {
      if (report.reason === 'balance')
        return prompts.ask({ kind: 'notEnough', site, amountMsat, maxFeeMsat: 0n }, gone);
      return (await usedUp.isForUser(site)) ? prompts.ask({ kind: 'usedUp', site, amountMsat }, gone) : null;
    },
  });
  const wallet = { ...paying, streams: streams.ofSites };
  const host = new SiteHost({
    wallet,
    ask: async (request, signal) => {
      sites.mayAsk(request, signal);
      await usedUp.mayAsk(request);
      connections.noteAsked(request.site);
      const { decision, stop } = await prompts.ask(request, signal);
      if (stop) await usedUp.stop(request.site);
      return decision;
    },
    version: __VERSION__,
  });
  const sites = new Sites(host, session, prompts);
  const pages = new Pages(host, wallet, sites, runTask);
  const connections = new Connections({ host, store: wallet.store, former, sites, streams, open });
  const handle = (message: ToWalletHost): Promise<unknown> =>
    answerTo(message, { session, pages, connections, autoLock, runTask });

  chrome.runtime.onConnect.addListener((port) => {
    if (port.name === SITE_PORT) sites.attach(port);
    else if (port.sender === undefined || !fromExtension(port.sender)) return;
    else if (port.name === APPROVE_PORT) prompts.attach(port);
    else if (port.name === WATCH_PORT) streams.attach(port);
  });
  chrome.runtime.onMessage.addListener((message: unknown, sender, reply) => {
    if (!fromExtension(sender) || !isFor<ToWalletHost>(message, 'walletHost')) return false;
    handle(message).then(reply, (error: unknown) => {
      console.error('walletHost', message.ask, error);
      reply(undefined);
    });
    return true;
  });
  void session.open();
  return { ask: handle, busy: () => session.unlocked || prompts.waiting };
}

interface Parts {
  session: WalletSession;
  pages: Pages;
  connections: Connections;
  autoLock: AutoLock;
  runTask: RunTask;
}

async function answerTo(message: ToWalletHost, parts: Parts): Promise<unknown> {
  const { session, pages, connections, autoLock, runTask } = parts;
  switch (message.ask) {
    case 'unlocked':
      await session.openAgain();
      return;
    case 'navigation':
      return pages.observe(message.response, message.place);
    case 'tabLeft':
      return pages.tabLeft(message.tabId, message.url);
    case 'tabShown':
      return pages.tabShown(message.tabId);
    case 'tabGone':
      return session.wallet === null ? undefined : pages.tabGone(message.tabId);
    case 'connectedSites':
      return connections.list();
    case 'hasAsked':
      return connections.hasAsked(message.site);
    case 'disconnect':
      return connections.disconnect(message.site);
    case 'payers':
      return connections.payers();
    case 'forgetSites':
      return connections.forget();
    case 'receipts':
      return session.wallet === null ? [] : pages.receipts();
    case 'forget':
      return pages.forget(message.paymentHash);
    case 'user':
      return autoLock.user(message.state);
    case 'update':
      await session.lock({ wait: true });
      return runTask({ to: 'browser', ask: 'restart' });
  }
}
