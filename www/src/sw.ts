/// <reference lib="webworker" />
/**
 * The service worker: pins one release. It installs all files of its release, each checked against its SHA-256, or
 * nothing; serves them from the cache, so that the page opens offline; and takes over from an older one only when the
 * page, that is the user, says so.
 */

/** Written above this code by build/service-worker.ts. */
declare const RELEASE: string;
declare const PINNED: [url: string, integrity: string][];

(() => {
  const scope = globalThis as unknown as ServiceWorkerGlobalScope;
  const PREFIX = 'amplet-release-';
  const CACHE = PREFIX + RELEASE;
  const CONFIG = 'amplet-config';
  const base = new URL('./', scope.location.href);
  const pinned = new Set(PINNED.map(([url]) => new URL(url, base).href));
  const shell = new URL('index.html', base).href;
  const shareUrl = new URL('share', base).href;
  const configUrl = new URL('config.json', base).href;

  async function install(): Promise<void> {
    const cache = await caches.open(CACHE);
    await Promise.all(
      PINNED.map(async ([path, integrity]) => {
        const url = new URL(path, base).href;
        if (await cache.match(url)) return;
        // The integrity makes the browser refuse a file of another release, whatever the server mixes up.
        const response = await fetch(url, { integrity, cache: 'no-cache' });
        if (!response.ok) throw new Error(`${path}: the server answered ${response.status}`);
        await cache.put(url, response);
      }),
    );
    // The first visit's page asked before this worker was there; none served is no reason to fail.
    await freshConfig(new Request(configUrl, { cache: 'no-cache' })).catch(() => undefined);
  }

  async function activate(): Promise<void> {
    const names = await caches.keys();
    await Promise.all(
      names.filter((name) => name.startsWith(PREFIX) && name !== CACHE).map((name) => caches.delete(name)),
    );
    await scope.clients.claim();
  }

  async function fromRelease(url: string): Promise<Response> {
    const cache = await caches.open(CACHE);
    return (await cache.match(url)) ?? fetch(url);
  }

  /** The server's word when it can be had, its last one otherwise. */
  async function freshConfig(request: Request): Promise<Response> {
    const cache = await caches.open(CONFIG);
    try {
      const response = await fetch(request);
      if (response.ok) await cache.put(configUrl, response.clone());
      return response;
    } catch (error) {
      const last = await cache.match(configUrl);
      if (last) return last;
      throw error;
    }
  }

  /** What another program shared is shown to be paid. It goes on behind the hash: no server gets it. */
  async function shared(request: Request): Promise<Response> {
    const form = await request.formData();
    const texts = ['text', 'url', 'title'].map((name) => form.get(name));
    const text = texts.find((one) => typeof one === 'string' && one.trim() !== '');
    const to = typeof text === 'string' ? `#/pay/${encodeURIComponent(text.trim())}` : '#/pay';
    return Response.redirect(new URL(to, base).href, 303);
  }

  scope.addEventListener('install', (event) => event.waitUntil(install()));
  scope.addEventListener('activate', (event) => event.waitUntil(activate()));
  scope.addEventListener('message', (event) => {
    if (event.data === 'activate') event.waitUntil(scope.skipWaiting());
  });
  scope.addEventListener('fetch', (event) => {
    const { request } = event;
    const url = new URL(request.url);
    url.hash = '';
    url.search = '';
    if (request.method === 'POST' && url.href === shareUrl) event.respondWith(shared(request));
    if (request.method !== 'GET') return;
    if (request.mode === 'navigate' && (url.href === base.href || url.href === shell))
      event.respondWith(fromRelease(shell));
    else if (url.href === configUrl) event.respondWith(freshConfig(request));
    else if (pinned.has(url.href)) event.respondWith(fromRelease(url.href));
  });
})();
