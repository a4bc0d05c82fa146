/** Installing the page as an app, where the browser offers it. */

interface InstallOffer extends Event {
  prompt(): Promise<unknown>;
}

class Install {
  /** The browser's offer; `null`: it makes none, or it was taken. */
  offer = $state.raw<InstallOffer | null>(null);

  /** Keeps the offer, which comes once, for when the user asks for it. */
  watch(): void {
    addEventListener('beforeinstallprompt', (event) => {
      event.preventDefault();
      this.offer = event as InstallOffer;
    });
    addEventListener('appinstalled', () => (this.offer = null));
  }

  /** Shows the browser's question. */
  async ask(): Promise<void> {
    const { offer } = this;
    this.offer = null;
    await offer?.prompt();
  }
}

export const install = new Install();
