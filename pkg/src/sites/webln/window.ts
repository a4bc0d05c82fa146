/** Messages between a page's own world and an extension's content script, by `window.postMessage`. */

import { FUNCTION, having, must, type Kind } from '../../base/kinds.ts';
import {
  isSiteCall,
  WIRE_VERSION,
  type Json,
  type SiteCall,
  type SiteError,
  type SiteEvent,
  type SiteReply,
} from '../wire.ts';
import type { PageTransport } from './page.ts';
import { isShort } from './validate.ts';

/** A page's window. */
export const WINDOW: Kind = having("a page's window, and there is none here", 'addEventListener');

const TO_HOST = 'amplet:call';
const TO_PAGE = 'amplet:answer';

/** Calls of a frame that may be without an answer. */
const MAX_OPEN = 128;

type Envelope = { readonly [TO_HOST]?: SiteCall; readonly [TO_PAGE]?: SiteReply | SiteEvent };

/** Messages of this very window: frames and openers can post here, too, and are not heard. */
function hear(target: Window, receive: (envelope: Envelope) => void): void {
  target.addEventListener('message', ({ source, data }) => {
    if (source === target && typeof data === 'object' && data !== null) receive(data as Envelope);
  });
}

/**
 * To this very window only. Its own origin is not always its address': an `about:blank` frame has its parent's, a sandboxed one
 * has none, and is then reached by any.
 */
const ownOrigin = ({ origin }: Window): string => (origin === 'null' ? '*' : origin);

/**
 * For the script in the page's world. The page can forge what it hears, to its own harm only.
 * @throws {WalletError} `invalidInput`
 */
export function windowTransport(target: Window = globalThis.window): PageTransport {
  must('target', target, WINDOW);
  return {
    post: (call) => target.postMessage({ [TO_HOST]: call }, ownOrigin(target)),
    listen: (receive) => hear(target, ({ [TO_PAGE]: message }) => message && receive(message)),
  };
}

/** Handle that {@link relay} gives to the content script. */
export interface Relay {
  /** Hands a message of the host to the page. */
  answer(message: SiteReply | SiteEvent): void;
  /** Says that the host is gone: the page's open calls end with `ConnectionError`. */
  lost(): void;
}

/**
 * For the content script: has `forward` called with each call of the page, unless it is too large or too many have no answer: what a
 * page does to the host ends here.
 * @throws {WalletError} `invalidInput`
 */
export function relay(forward: (call: SiteCall) => void, target: Window = globalThis.window): Relay {
  must('forward', forward, FUNCTION);
  must('target', target, WINDOW);
  /** Ids of calls without an answer. A page that gives one twice counts once, and hears of one. */
  const open = new Set<number>();
  const post = (message: SiteReply | SiteEvent) => target.postMessage({ [TO_PAGE]: message }, ownOrigin(target));
  hear(target, ({ [TO_HOST]: call }) => {
    if (!isSiteCall(call)) return;
    const { id } = call;
    const error = !isShort(call) ? TOO_LONG : !open.has(id) && open.size >= MAX_OPEN ? TOO_MANY : null;
    if (error) return post({ amplet: WIRE_VERSION, id, ok: false, error });
    open.add(id);
    forward(call);
  });
  return {
    answer: (message) => {
      if ('id' in message) open.delete(message.id);
      post(message);
    },
    lost: () => {
      open.clear();
      post({ amplet: WIRE_VERSION, event: 'lost', detail: null as Json });
    },
  };
}

const TOO_LONG: SiteError = { name: 'InvalidDataError', message: 'The arguments are too long.' };
const TOO_MANY: SiteError = {
  name: 'RejectionError',
  message: 'Too many calls at once: wait for their answers.',
  code: 'busy',
};
