/** A page's `window.webln` over a host, without a browser. */

import { installWebln, type Json, type SiteEvent, type SiteReply, type Webln } from '../../src/provider.ts';

class PageWindow extends EventTarget {
  readonly document = new EventTarget();
  readonly origin: string;
  constructor(origin: string) {
    super();
    this.origin = origin;
  }
}

/** A window for {@link installWebln}. */
export const pageWindow = (origin = 'https://shop.example'): Window => new PageWindow(origin) as unknown as Window;

/** The provider of a page whose calls `call` answers. */
export function makeWebln(call: (method: string, params: Json) => Promise<SiteReply>): Webln {
  let hear: (message: SiteReply | SiteEvent) => void = () => {};
  return installWebln({
    transport: {
      post: ({ id, method, params }) => void call(method, params).then((reply) => hear({ ...reply, id })),
      listen: (receive) => (hear = receive),
    },
    info: { name: 'Amplet', icon: 'data:,', rdns: 'org.amplet' },
    target: pageWindow(),
  });
}
