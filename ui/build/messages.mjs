// The catalogue's compiler, for whoever builds these sources: the web wallet and the extension.

import { fileURLToPath } from 'node:url';
import { paraglideVitePlugin } from '@inlang/paraglide-js';

const at = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));

/** Compiles messages/ into src/paraglide/, again at each change of a text while a development server runs. */
export const messages = () =>
  paraglideVitePlugin({
    project: at('../project.inlang'),
    outdir: at('../src/paraglide'),
    strategy: ['baseLocale'],
    emitTsDeclarations: true,
  });
