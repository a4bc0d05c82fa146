/** Stores for `payingFetch` that need nothing: in memory, and in a browser's localStorage. */

import type { Store } from '../types.ts';
import type { Json } from '../wire.ts';

/** A {@link Store} that ends with the program: what was bought and not delivered is forgotten with it. For tests and short work. */
export function memoryStore(): Store {
  const kept = new Map<string, string>();
  return textStore({
    read: (key) => kept.get(key) ?? null,
    write: (key, text) => void kept.set(key, text),
    remove: (key) => void kept.delete(key),
    keys: () => [...kept.keys()],
  });
}

/**
 * A {@link Store} in this origin's `localStorage`, which every script of the origin can read, and what is kept there is as good as money. A
 * wallet in the page has a sealed one ({@link WalletStore}).
 * @param prefix begins the names of all that is kept there
 */
export function localStore(prefix = 'amplet/paid/'): Store {
  return textStore({
    read: (key) => localStorage.getItem(prefix + key),
    write: (key, text) => localStorage.setItem(prefix + key, text),
    remove: (key) => localStorage.removeItem(prefix + key),
    keys: () =>
      Array.from({ length: localStorage.length }, (_, at) => localStorage.key(at) ?? '')
        .filter((key) => key.startsWith(prefix))
        .map((key) => key.slice(prefix.length)),
  });
}

/** Texts under names. */
interface Texts {
  readonly read: (key: string) => string | null;
  readonly write: (key: string, text: string) => void;
  readonly remove: (key: string) => void;
  readonly keys: () => string[];
}

function textStore({ read, write, remove, keys }: Texts): Store {
  return {
    get: async (key) => {
      const text = read(key);
      return text === null ? undefined : (JSON.parse(text) as Json);
    },
    set: async (key, value) => write(key, JSON.stringify(value)),
    delete: async (key) => remove(key),
    keys: async (prefix) => keys().filter((key) => key.startsWith(prefix)),
  };
}
