/** What stands between a browser and a server: a TCP proxy that can be cut, and whose two ends keep their addresses. */

import { createServer as createHttp } from 'node:http';
import { connect, createServer } from 'node:net';

/**
 * `open`; `cut`: connections end and new ones are refused; `silent`: nothing passes any more, and nobody is told; `deaf`: what is asked
 * arrives, answers do not.
 * @typedef {'open' | 'cut' | 'silent' | 'deaf'} Mode
 */

export class Wire {
  /** @type {Mode} */
  #mode = 'open';
  /** @type {Set<import('node:net').Socket>} */
  #sockets = new Set();
  #server;
  port = 0;

  /** @param {string} target URL of the server at its other end */
  constructor(target) {
    const { hostname, port } = new URL(target);
    this.#server = createServer((near) => {
      this.#keep(near);
      if (this.#mode === 'cut') return void near.destroy();
      const far = connect(Number(port), hostname);
      this.#keep(far);
      near.on('data', (bytes) => this.#mode !== 'silent' && far.write(bytes));
      far.on('data', (bytes) => this.#mode === 'open' && near.write(bytes));
      near.on('close', () => far.destroy());
      far.on('close', () => near.destroy());
    });
  }

  /** @param {import('node:net').Socket} socket */
  #keep(socket) {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
  }

  /** @returns {Promise<this>} */
  listen() {
    return new Promise((resolve) =>
      this.#server.listen(0, '127.0.0.1', () => {
        this.port = /** @type {import('node:net').AddressInfo} */ (this.#server.address()).port;
        resolve(this);
      }),
    );
  }

  get mode() {
    return this.#mode;
  }

  /** A stream that lost some of its bytes is of no use: connections end at each change. @param {Mode} mode */
  set mode(mode) {
    const healed = this.#mode !== 'open' && mode === 'open';
    this.#mode = mode;
    if (mode === 'cut' || healed) for (const socket of this.#sockets) socket.destroy();
  }

  close() {
    this.mode = 'cut';
    this.#server.close();
  }
}

/** Waits for what traps of an engine's storage tell. */
export class Trigger {
  /** @type {(() => void) | null} */
  #then = null;
  #server = createHttp(() => this.#then?.());

  /** @returns {Promise<this>} */
  listen() {
    return new Promise((resolve) => this.#server.listen(0, '127.0.0.1', () => resolve(this)));
  }

  /** What is done as soon as a trap springs, once; its caller gets no answer. @param {() => void} then */
  set onSprung(then) {
    this.#then = () => {
      this.#then = null;
      then();
    };
  }

  get url() {
    const address = /** @type {import('node:net').AddressInfo} */ (this.#server.address());
    return `http://127.0.0.1:${address.port}/`;
  }

  close() {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
