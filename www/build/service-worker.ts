import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { transformWithOxc, type Plugin, type ResolvedConfig } from 'vite';

/** A file of the release: where it is and what it must hash to. */
type Pinned = [url: string, integrity: string];

const integrityOf = (bytes: string | Uint8Array) => `sha256-${createHash('sha256').update(bytes).digest('base64')}`;

async function publicFiles(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/**
 * Emits `sw.js` with the list of every file of the release and its SHA-256: the worker installs exactly those or
 * nothing. `config.json` belongs to whoever serves the page and stays out.
 */
export function serviceWorker({ entry }: { entry: string }): Plugin {
  let config: ResolvedConfig;
  return {
    name: 'amplet:service-worker',
    apply: 'build',
    enforce: 'post',
    configResolved(resolved) {
      config = resolved;
    },
    generateBundle: {
      order: 'post',
      async handler(_options, bundle) {
        const pinned: Pinned[] = Object.values(bundle).map((file) => [
          file.fileName,
          integrityOf(file.type === 'chunk' ? file.code : file.source),
        ]);
        for (const path of await publicFiles(config.publicDir)) {
          const url = relative(config.publicDir, path).split(sep).join('/');
          if (url !== 'config.json') pinned.push([url, integrityOf(await readFile(path))]);
        }
        pinned.sort(([a], [b]) => (a < b ? -1 : 1));
        const release = createHash('sha256').update(JSON.stringify(pinned)).digest('hex').slice(0, 16);
        const { code } = await transformWithOxc(await readFile(entry, 'utf8'), entry, { target: 'es2022' });
        const source = `const RELEASE=${JSON.stringify(release)},PINNED=${JSON.stringify(pinned)};\n${code}`;
        this.emitFile({ type: 'asset', fileName: 'sw.js', source });
      },
    },
  };
}
