/** A site that wants to be paid, on loopback: `localhost` and `127.0.0.1` are two origins of it. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

type Answer = (request: IncomingMessage, response: ServerResponse, url: URL) => void | Promise<void>;

export class Site {
  readonly #server: Server;
  readonly #paths = new Map<string, Answer>();

  private constructor() {
    this.#server = createServer((request, response) => {
      const url = new URL(request.url ?? '/', 'http://x');
      const answer = this.#paths.get(url.pathname);
      if (answer === undefined) response.writeHead(404).end();
      else
        void Promise.resolve(answer(request, response, url)).catch((error: unknown) =>
          response.writeHead(500).end(String(error)),
        );
    });
  }

  static async start(): Promise<Site> {
    const site = new Site();
    await new Promise<void>((up) => site.#server.listen(0, '127.0.0.1', up));
    site.page('/', '<h1>A shop</h1>');
    return site;
  }

  /** `http://127.0.0.1:<port>`, or under another of this machine's names. */
  origin(host = '127.0.0.1'): string {
    return `http://${host}:${(this.#server.address() as AddressInfo).port}`;
  }

  on(path: string, answer: Answer): void {
    this.#paths.set(path, answer);
  }

  page(path: string, html: string): void {
    this.on(path, (_, response) => {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
      response.end(`<!doctype html><html lang="en"><head><title>Shop</title></head><body>${html}</body></html>`);
    });
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((down) => this.#server.close(down));
  }
}
