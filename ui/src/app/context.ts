/** The page's state, for all components below the one that is mounted. */

import { getContext, mount, type Component } from 'svelte';
import type { App } from './app.svelte.ts';

const KEY = Symbol('app');

/** Returns the state of the page that the component is part of. To be called while the component is made. */
export function useApp(): App {
  const app = getContext<App | undefined>(KEY);
  if (app === undefined) throw new Error('mount this with mountApp');
  return app;
}

/** Shows a component, and all below it, with this state in the document's `#app`. */
export function mountApp<Props extends Record<string, unknown>>(root: Component<Props>, app: App, props: Props): void {
  const target = document.getElementById('app');
  if (!target) throw new Error('the document has no #app');
  mount(root, { target, props, context: new Map([[KEY, app]]) });
}
