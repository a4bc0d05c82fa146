/** The service worker, from the page's side: offline readiness, and a new release that waits for a yes. */

class Updates {
  /** The release that waits for the user's consent. */
  waiting = $state.raw<ServiceWorker | null>(null);
  /** True if the page can open without a network. */
  offlineReady = $state(false);

  async register(): Promise<void> {
    if (!import.meta.env.PROD || !('serviceWorker' in navigator) || !isSecureContext) return;
    const registration = await navigator.serviceWorker.register('./sw.js', { updateViaCache: 'none' });
    void navigator.serviceWorker.ready.then(() => (this.offlineReady = true));
    this.#watch(registration);
    registration.addEventListener('updatefound', () => {
      registration.installing?.addEventListener('statechange', () => this.#watch(registration));
    });
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible' && navigator.onLine) void registration.update().catch(() => undefined);
    });
  }

  #watch(registration: ServiceWorkerRegistration): void {
    // Without a controller it is the first release: it activates by itself, nobody is asked.
    if (registration.waiting && navigator.serviceWorker.controller) this.waiting = registration.waiting;
  }

  /** Lets the waiting release take over and loads it. The wallet is locked by then. */
  apply(): void {
    navigator.serviceWorker.addEventListener('controllerchange', () => location.reload(), { once: true });
    this.waiting?.postMessage('activate');
  }
}

export const updates = new Updates();
