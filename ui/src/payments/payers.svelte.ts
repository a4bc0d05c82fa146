/** Which sites had which payments made, for a list of them. */

import type { App } from '../app/app.svelte.ts';
import { bareOrigin } from '../text/holders.ts';

/** See the head of this file. To be made while a component is. */
export class Payers {
  #names = $state.raw<ReadonlyMap<string, string>>(new Map());

  constructor(app: App) {
    $effect(() => {
      void app.payments.length;
      let current = true;
      app.holders().then(
        (names) => current && (this.#names = names),
        () => undefined, // a list without them is still one
      );
      return () => (current = false);
    });
  }

  /** Returns the site that had a payment made, as people know it; `null`: it is not kept. */
  of(id: string): string | null {
    const name = this.#names.get(id);
    return name === undefined ? null : bareOrigin(name);
  }
}
