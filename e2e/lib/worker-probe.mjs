/** Measures the memory that a wallet's page and its engine hold, after garbage collection. */

/**
 * @typedef {import('@playwright/test').Browser} Browser
 * @typedef {import('@playwright/test').Page} Page
 * @typedef {import('@playwright/test').CDPSession} CDPSession
 */

export class SharedWorkerProbe {
  #session;
  #target;
  #last = 0;
  /** @type {Map<number, (result: any) => void>} */
  #waiting = new Map();

  /** @param {CDPSession} session @param {string} target */
  constructor(session, target) {
    this.#session = session;
    this.#target = target;
    session.on('Target.receivedMessageFromTarget', ({ sessionId, message }) => {
      const { id, result } = JSON.parse(message);
      if (sessionId === this.#target) this.#waiting.get(id)?.(result);
      this.#waiting.delete(id);
    });
  }

  /** To the one SharedWorker that runs. @param {Browser} browser */
  static async attach(browser) {
    const session = await browser.newBrowserCDPSession();
    const { targetInfos } = await session.send('Target.getTargets', { filter: [{ type: 'shared_worker' }] });
    const [worker] = targetInfos;
    if (worker === undefined) throw new Error('no SharedWorker runs');
    const { sessionId } = await session.send('Target.attachToTarget', { targetId: worker.targetId, flatten: false });
    return new SharedWorkerProbe(session, sessionId);
  }

  /** Bytes of the engine's JavaScript objects, and of its wasm's memory, which never shrinks; the bench's page keeps that at hand. */
  async engine() {
    await this.#send('HeapProfiler.collectGarbage');
    const { usedSize } = await this.#send('Runtime.getHeapUsage');
    const { result } = await this.#send('Runtime.evaluate', { expression: 'wasmMemory.buffer.byteLength' });
    return { heap: Number(usedSize), wasm: Number(result.value) };
  }

  /** Value of an expression in the engine's worker. @param {string} expression @returns {Promise<any>} */
  async evaluate(expression) {
    const { result } = await this.#send('Runtime.evaluate', { expression, returnByValue: true });
    return result.value;
  }

  /** Bytes of the page's JavaScript objects. @param {Page} page */
  async pageHeap(page) {
    const session = await page.context().newCDPSession(page);
    await session.send('HeapProfiler.collectGarbage');
    const { usedSize } = await session.send('Runtime.getHeapUsage');
    await session.detach();
    return usedSize;
  }

  /** @param {string} method @param {object} [params] @returns {Promise<any>} */
  #send(method, params = {}) {
    const id = (this.#last += 1);
    const answer = new Promise((resolve) => this.#waiting.set(id, resolve));
    const message = JSON.stringify({ id, method, params });
    void this.#session.send('Target.sendMessageToTarget', { sessionId: this.#target, message });
    return answer;
  }
}
