/** A small HTTP server: routes, JSON, files, and the headers that a page which moves money should have. */

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import encodeQR from 'qr';
import { Gateway, GatewayError } from './gateway.mjs';

/**
 * @typedef {import('node:http').IncomingMessage} Request
 * @typedef {{ status: number, headers?: Record<string, string | string[]>, body?: string | Buffer }} Answer
 * @typedef {(request: Request, url: URL, ...parts: string[]) => Promise<Answer> | Answer} Handler
 */

/** Scripts and styles of this server only; nothing inline. */
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

/** @type {Record<string, string>} */
const KINDS = {
  '.html': 'text/html; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Largest body of a request, in bytes. */
const MAX_BODY = 64 * 1024;

/** A request that cannot be met; the page shows the message. */
export class Refusal extends Error {
  /**
   * @param {number} status
   * @param {string} message What is wrong and what to do.
   */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/**
 * @param {unknown} value
 * @param {number} [status]
 * @returns {Answer}
 */
export function json(value, status = 200) {
  const body = JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? part.toString() : part));
  return { status, headers: { 'content-type': 'application/json', 'cache-control': 'no-store' }, body };
}

/**
 * The body as text.
 *
 * @param {Request} request
 */
export async function text(request) {
  /** @type {Buffer[]} */
  const chunks = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > MAX_BODY) throw new Refusal(413, 'The request is too large; send less.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * The body as a JSON object.
 *
 * @param {Request} request
 * @returns {Promise<Record<string, unknown>>}
 */
export async function object(request) {
  /** @type {unknown} */
  let value;
  try {
    value = JSON.parse(await text(request));
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new Refusal(400, 'The request is not JSON; reload the page and try again.');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Refusal(400, 'The request is no JSON object; reload the page and try again.');
  }
  return /** @type {Record<string, unknown>} */ (value);
}

/**
 * An invoice as a QR code, upper case as BOLT 11 advises.
 *
 * @param {string} invoice
 * @returns {Answer}
 */
export function qrCode(invoice) {
  const body = encodeQR(`lightning:${invoice}`.toUpperCase(), 'svg', { border: 4 });
  return { status: 200, headers: { 'content-type': 'image/svg+xml', 'cache-control': 'no-store' }, body };
}

/**
 * @param {string} name
 * @returns {string}
 */
function setting(name) {
  const value = process.env[name];
  if (value) return value;
  console.error(`${name} is not set; see examples/README.md`);
  process.exit(2);
}

/** The environment that every example is started with: `GATEWAY_URL`, `GATEWAY_KEY`, `GATEWAY_WEBHOOK_SECRET`. */
export function settings() {
  return {
    gateway: new Gateway(setting('GATEWAY_URL'), setting('GATEWAY_KEY')),
    webhookSecret: setting('GATEWAY_WEBHOOK_SECRET'),
  };
}

/**
 * Serves until SIGTERM or SIGINT. Routes are `METHOD /path`, where
 * `:x` matches one part of a path.
 *
 * @param {Record<string, Handler>} routes
 * @param {string} folder The example's own folder, as `import.meta.url`.
 * @returns {Promise<string>} Its origin.
 */
export async function serve(routes, folder) {
  const compiled = Object.entries(routes).map(([route, handler]) => {
    const [method, path = ''] = route.split(' ');
    return { method, path: new RegExp(`^${path.replace(/:[a-z]+/g, '([^/]+)')}$`), handler };
  });
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    answer(compiled, folder, request, url).then(({ status, headers, body }) => {
      response.writeHead(status, { ...HEADERS, ...headers });
      response.end(request.method === 'HEAD' ? undefined : body);
    });
  });
  // An extension or a user may keep connections open; they are not waited for.
  const stop = () => {
    server.close();
    server.closeAllConnections();
  };
  process.once('SIGTERM', stop).once('SIGINT', stop);
  await new Promise((resolve) => server.listen(Number(process.env['PORT'] ?? 0), '127.0.0.1', () => resolve(null)));
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());
  return `http://127.0.0.1:${address.port}`;
}

/**
 * @param {{ method: string | undefined, path: RegExp, handler: Handler }[]} routes
 * @param {string} folder
 * @param {Request} request
 * @param {URL} url
 * @returns {Promise<Answer>}
 */
async function answer(routes, folder, request, url) {
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  try {
    for (const route of routes) {
      const match = route.method === method && route.path.exec(url.pathname);
      if (match) return await route.handler(request, url, ...match.slice(1));
    }
    if (method === 'GET') return await file(url.pathname, folder);
    throw new Refusal(405, 'Nothing like that can be done here.');
  } catch (error) {
    if (error instanceof Refusal) return json({ message: error.message }, error.status);
    if (error instanceof GatewayError) {
      console.error(`the gateway: ${error.code}: ${error.message}`);
      return json({ message: 'The payment server does not do this now; try again in a moment.' }, 502);
    }
    console.error(error);
    return json({ message: 'Something is broken here; try again later.' }, 500);
  }
}

/**
 * A file of the example's `public` folder, or of the shared one.
 *
 * @param {string} path
 * @param {string} folder
 * @returns {Promise<Answer>}
 */
async function file(path, folder) {
  const name = path === '/' ? 'index.html' : path.slice(1);
  // Names have no folders, so none leads out of the two.
  if (/^[a-z0-9-]+(\.[a-z]+)+$/.test(name)) {
    for (const place of [new URL(`public/${name}`, folder), new URL(`public/${name}`, import.meta.url)]) {
      const body = await readFile(fileURLToPath(place)).catch(() => null);
      const kind = KINDS[extname(name)] ?? 'application/octet-stream';
      if (body) return { status: 200, headers: { 'content-type': kind, 'cache-control': 'no-cache' }, body };
    }
  }
  throw new Refusal(404, 'There is nothing here.');
}
