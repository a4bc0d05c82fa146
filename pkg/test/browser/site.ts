// A server of the package with a pretended engine, and a Chromium to look at it.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { build, type BuildOptions } from 'esbuild';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';

const TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' };
const PAGE =
  '<!doctype html><title>amplet</title><script type="module">globalThis.amplet = await import("./index.js");</script>';

/** The package, built around the pretended engine, on a port of its own. */
export class Site {
  readonly closed: string[] = [];
  /** A policy of every answer, and other answers at some paths. */
  policy: string | null = null;
  readonly answers = new Map<string, { status: number; body: string; type: string }>();
  readonly #stored = new Map<string, string>();
  readonly #folder: string;
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async start(): Promise<Site> {
    const folder = await mkdtemp(join(tmpdir(), 'amplet-site-'));
    const common: BuildOptions = {
      outdir: folder,
      bundle: true,
      format: 'esm',
      logLevel: 'warning',
      plugins: [
        {
          name: 'pretended engine',
          setup: ({ onResolve }) =>
            onResolve({ filter: /generated\/engine\/engine\.js$/ }, () => ({
              path: join(process.cwd(), 'test/browser/fake-engine.ts'),
            })),
        },
      ],
    };
    await build({ ...common, entryPoints: ['src/index.ts'], splitting: true });
    const workers = ['src/engine/engine.worker.ts', 'src/engine/kdf.worker.ts'];
    await build({ ...common, entryPoints: workers, entryNames: '[name]' });
    const site = new Site(folder);
    await new Promise<void>((ready) => site.#server.listen(0, '127.0.0.1', ready));
    return site;
  }

  url(host = '127.0.0.1'): string {
    return `http://${host}:${(this.#server.address() as AddressInfo).port}/`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await rm(this.#folder, { recursive: true });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', 'http://x').pathname;
    if (path.startsWith('/store/')) return this.#store(request, path, response);
    if (path.startsWith('/closed/')) {
      this.closed.push(path.slice('/closed/'.length));
      response.end();
      return;
    }
    if (this.policy !== null) response.setHeader('content-security-policy', this.policy);
    const other = this.answers.get(path);
    if (other !== undefined) {
      response.writeHead(other.status, { 'content-type': other.type }).end(other.body);
      return;
    }
    try {
      const body = path === '/' ? PAGE : await readFile(this.#file(path));
      response
        .writeHead(200, { 'content-type': TYPES[path === '/' ? '.html' : extname(path)] ?? 'text/plain' })
        .end(body);
    } catch {
      response.writeHead(404).end();
    }
  }

  #file(path: string): string {
    const wasm = /^\/(page|words)_bg\.wasm$/.exec(path)?.[1];
    return wasm === undefined ? join(this.#folder, path) : `generated/${wasm}/${wasm}_bg.wasm`;
  }

  async #store(request: IncomingMessage, path: string, response: ServerResponse): Promise<void> {
    if (request.method === 'PUT') {
      let body = '';
      for await (const chunk of request) body += String(chunk);
      this.#stored.set(path, body);
    } else if (request.method === 'DELETE') {
      this.#stored.delete(path);
    }
    const stored = this.#stored.get(path);
    response.writeHead(stored === undefined ? 404 : 200).end(stored);
  }
}

/** Chromium, as CI and containers need it. */
export const CHROMIUM = {
  executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--host-resolver-rules=MAP insecure.test 127.0.0.1, MAP other.localhost 127.0.0.1',
  ],
};

/** Starts it. */
export function launch(): Promise<Browser> {
  return chromium.launch(CHROMIUM);
}

/** A tab on the site, with the package loaded. */
export async function tab(context: BrowserContext, site: Site, host?: string): Promise<Page> {
  const page = await context.newPage();
  await visit(page, site.url(host));
  return page;
}

/** Goes to the address and waits for the package. */
export async function visit(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await page.waitForFunction(() => 'amplet' in globalThis);
}
