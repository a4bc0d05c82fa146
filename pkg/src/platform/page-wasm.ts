// The page's own wasm: settings and key derivation.

import { once } from './once.ts';
import { pageWasm } from '../platform.ts';

type Page = Awaited<ReturnType<typeof import('./page-glue.ts').load>>;

let loader: (() => Promise<Page>) | null = null;

/** Loads it when it is first needed. */
export function loadPageWasm(): Promise<Page> {
  loader ??= once(async () => {
    const { load } = await import('./page-glue.ts');
    return load(await pageWasm());
  });
  return loader();
}
