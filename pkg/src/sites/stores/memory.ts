/** Stores for `payingFetch` that need nothing: in memory, and in a browser's localStorage. */

import { WalletError } from '../../base/error.ts';
import { must, TEXT } from '../../base/kinds.ts';
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
 * @throws {WalletError} `invalidInput`; its methods: `notAllowedHere` where there is no localStorage
 */
export function localStore(prefix = 'amplet/paid/'): Store {
  must('prefix', prefix, TEXT);
  return textStore({
    read: (key) => kept().getItem(prefix + key),
    write: (key, text) => kept().setItem(prefix + key, text),
    remove: (key) => kept().removeItem(prefix + key),
    keys: () =>
      Array.from({ length: kept().length }, (_, at) => kept().key(at) ?? '')
        .filter((key) => key.startsWith(prefix))
        .map((key) => key.slice(prefix.length)),
  });
}

/**
 * This origin's store.
 * @throws {WalletError} `notAllowedHere` where there is none
 */
function kept(): Storage {
  if (typeof localStorage === 'undefined')
    throw new WalletError(
      'notAllowedHere',
      'There is no localStorage here: call this in a page, not while rendering on a server; in Node.js `fileStore` of `amplet/node` keeps.',
    );
  return localStorage;
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
