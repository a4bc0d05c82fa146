/** Looks of this page: kept by the page itself, apart from the wallet's settings. */

export type Theme = 'system' | 'light' | 'dark';

const KEY = 'amplet-theme';

function read(): Theme {
  try {
    const stored = localStorage.getItem(KEY);
    return stored === 'light' || stored === 'dark' ? stored : 'system';
  } catch {
    return 'system'; // storage denied: looks are no reason to fail
  }
}

class Looks {
  #theme = $state<Theme>(read());

  constructor() {
    this.#show();
  }

  get theme(): Theme {
    return this.#theme;
  }

  set theme(theme: Theme) {
    this.#theme = theme;
    this.#show();
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // Kept for this visit only.
    }
  }

  #show(): void {
    if (this.#theme === 'system') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = this.#theme;
  }
}

export const looks = new Looks();
