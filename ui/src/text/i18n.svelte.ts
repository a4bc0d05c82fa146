/** The language of the page. Messages read it through Paraglide, so a change redraws every text at once. */

import { locales, overwriteGetLocale, type Locale } from '../paraglide/runtime.js';

function preferred(): Locale {
  for (const tag of navigator.languages) {
    const match = locales.find((locale) => tag.toLowerCase().startsWith(locale));
    if (match) return match;
  }
  return 'en';
}

class Language {
  #chosen = $state<Locale | null>(null);
  readonly current = $derived<Locale>(this.#chosen ?? preferred());
  /** Locale for Intl: the browser's own variant of the language (de-CH), where it has one. */
  readonly tag = $derived(
    navigator.languages.find((tag) => tag.toLowerCase().startsWith(this.current)) ?? this.current,
  );

  get chosen(): Locale | null {
    return this.#chosen;
  }

  /** `null` follows the browser. */
  choose(locale: string | null): void {
    this.#chosen = locales.find((known) => known === locale) ?? null;
    document.documentElement.lang = this.current;
  }
}

export const language = new Language();
overwriteGetLocale(() => language.current);
export { locales, type Locale };
