/** Beside each page: carries its calls to the wallet host, and shows `lightning:` links to it. Decides nothing. */

import { relay, type SiteCall, type SiteEvent, type SiteReply } from 'amplet/provider';
import { Bounds } from '../lib/bounds.ts';
import { SITE_PORT, type FromContent, type FromWalletHost, type BrowserTask } from '../lib/messages.ts';

/** Calls that wait until the wallet host says that it hears. */
let waiting: SiteCall[] = [];
let port: chrome.runtime.Port | null = null;
let connected = false;
const bounds = new Bounds();
/** True once a call was answered that needs the site to be enabled. */
let enabled = false;

/** Ms until it is seen that the extension was replaced without a word: a port that was made in its last moment is told nothing. */
const LOOK_MS = 1_000;
let looking: ReturnType<typeof setInterval> | undefined;

const page = relay((call) => {
  const refusal = bounds.refuses(call);
  if (refusal === null) forward(call);
  else
    page.answer({ amplet: call.amplet, id: call.id, ok: false, error: { name: 'RejectionError', message: refusal } });
});

function forward(call: SiteCall): void {
  looking ??= setInterval(() => chrome.runtime?.id === undefined && lose(), LOOK_MS);
  if (connected) {
    // What a page embeds of other sites is asked about in answer to a touch of it only.
    if (window !== top) look();
    port?.postMessage(call);
  } else waiting.push(call);
  if (port === null) whenShown(() => (port ??= connect(true)));
}

/** A page that is loaded ahead speaks once it is shown: nobody has asked for it yet. */
function whenShown(then: () => void): void {
  if ((document as { prerendering?: boolean }).prerendering !== true) then();
  else document.addEventListener('prerenderingchange', then, { once: true });
}

/** Connects to the wallet host. Where there is none, it is woken once. */
function connect(wakes: boolean): chrome.runtime.Port | null {
  let made: chrome.runtime.Port;
  try {
    made = chrome.runtime.connect({ name: SITE_PORT });
  } catch {
    lose(); // the extension was replaced: this page gets the new one's scripts when it is loaded again
    return null;
  }
  made.onMessage.addListener((message: FromWalletHost | SiteReply | SiteEvent) => {
    if ('walletHost' in message) greet();
    else {
      if ('id' in message) bounds.ended();
      // Only `isEnabled` is answered with true or false.
      if ('ok' in message && message.ok && typeof message.result !== 'boolean') enabled = true;
      page.answer(message);
    }
  });
  made.onDisconnect.addListener(() => {
    // Read, as the browser complains about an error that nobody looked at.
    void chrome.runtime.lastError;
    port = null;
    if (connected || !wakes) lose();
    else void wake();
  });
  return made;
}

function greet(): void {
  connected = true;
  look();
  for (const call of waiting) port?.postMessage(call);
  waiting = [];
}

/** A stream pauses while nobody sees its page, and nothing is asked for it. */
function look(): void {
  if (!connected) return;
  const touched = navigator.userActivation?.isActive ?? false;
  const visible = document.visibilityState === 'visible';
  port?.postMessage({ visible, touched, enabled } satisfies FromContent);
}
document.addEventListener('visibilitychange', look);

async function wake(): Promise<void> {
  await chrome.runtime.sendMessage({ to: 'browser', ask: 'wake' } satisfies BrowserTask).catch(() => undefined);
  port ??= connect(false);
}

function lose(): void {
  clearInterval(looking);
  looking = undefined;
  port = null;
  connected = false;
  waiting = [];
  bounds.clear();
  page.lost();
}

// A link that the user clicked, not one that a script did.
addEventListener(
  'click',
  (event) => {
    const [link] = event.composedPath().filter((node) => node instanceof HTMLAnchorElement);
    if (!event.isTrusted || link?.protocol !== 'lightning:') return;
    event.preventDefault();
    void chrome.runtime
      .sendMessage({ to: 'browser', ask: 'open', text: link.href } satisfies BrowserTask)
      .catch(() => undefined);
  },
  { capture: true },
);
