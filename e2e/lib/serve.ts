/** Serves a built page on loopback, as any static server would. */

import { createServer, type Server } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize, resolve } from 'node:path';

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
};

export interface Served {
  url: string;
  /** Takes the server away, as a broken network would, and brings it back. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Serves `body` for `path` from now on, in place of the file. */
  put(path: string, body: string): void;
}

/** A wallet's configuration where there is no network: its one gateway is down, as nothing listens on port 9. */
export const ALONE = JSON.stringify({
  network: 'regtest',
  gateways: [{ address: '0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798@ws://127.0.0.1:9' }],
});

export async function serve(root: string, files: Record<string, string> = {}): Promise<Served> {
  const base = resolve(root);
  const overlay = new Map(Object.entries(files));
  let server: Server;
  let port = 0;

  async function read(path: string): Promise<string | Buffer | null> {
    const over = overlay.get(path);
    if (over !== undefined) return over;
    const file = normalize(join(base, path));
    if (!file.startsWith(base)) return null;
    return readFile(file).catch(() => null);
  }

  function start(): Promise<void> {
    server = createServer((request, response) => {
      const path = decodeURIComponent(new URL(request.url ?? '/', 'http://x').pathname)
        .replace(/\/$/, '/index.html')
        .slice(1);
      void read(path).then((body) => {
        const type = TYPES[extname(path)] ?? 'application/octet-stream';
        response.writeHead(body === null ? 404 : 200, { 'content-type': type, 'cache-control': 'no-cache' });
        response.end(body ?? 'not found');
      });
    });
    return new Promise((done, fail) => {
      server.once('error', fail);
      server.listen(port, '127.0.0.1', () => {
        const address = server.address();
        if (typeof address === 'object' && address) port = address.port;
        done();
      });
    });
  }

  function stop(): Promise<void> {
    server.closeAllConnections();
    return new Promise((done) => server.close(() => done()));
  }

  await start();
  return { url: `http://127.0.0.1:${port}/`, start, stop, put: (path, body) => void overlay.set(path, body) };
}
