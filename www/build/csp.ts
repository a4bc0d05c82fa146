import { POLICY } from 'amplet-ui/build/policy.mjs';
import type { Plugin } from 'vite';

/** Writes the policy into the built page (the dev server injects inline styles, so not there). */
export function contentSecurityPolicy(): Plugin {
  return {
    name: 'amplet:csp',
    apply: 'build',
    transformIndexHtml: () => [
      { tag: 'meta', attrs: { 'http-equiv': 'Content-Security-Policy', content: POLICY }, injectTo: 'head-prepend' },
    ],
  };
}
