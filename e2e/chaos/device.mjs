/** A device of the user's: a Chromium of its own with its profile on the disk, and the wallet in its one tab. */

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { chromium } from '@playwright/test';
import { CHROMIUM } from '../lib/chromium.mjs';

/**
 * @typedef {{ code: string, message: string, outcome?: string }} Refusal
 * @typedef {{ value: any, error?: undefined } | { value?: undefined, error: Refusal }} Answer
 */

/** What stands for an answer that nobody can give any more: the tab is gone. @type {Refusal} */
const GONE = { code: 'gone', message: 'the tab is gone', outcome: 'open' };

/** What stands for an answer that has not come in time. @type {Refusal} */
const LATE = { code: 'late', message: 'no answer yet', outcome: 'open' };

/** @param {number} ms */
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Chromiums that run, by their process groups: they end with this program. @type {Set<number>} */
const running = new Set();

/** @param {number} pid */
function killGroup(pid) {
  running.delete(pid);
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has died already.
  }
}

process.on('exit', () => running.forEach(killGroup));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

export class Device {
  /** @type {import('node:child_process').ChildProcess | null} */
  #process = null;
  /** @type {import('@playwright/test').Browser | null} */
  #browser = null;
  /** @type {import('@playwright/test').Page | null} */
  #page = null;
  #url;
  #profile = '';
  name;

  /** @param {string} name @param {string} url of the bare page */
  constructor(name, url) {
    this.name = name;
    this.#url = url;
  }

  /** Opens a tab with the package, in a browser that is started when none runs. */
  async show() {
    if (this.#page !== null) return;
    const browser = (this.#browser ??= await this.#start());
    const [context] = browser.contexts();
    if (context === undefined) throw new Error('Chromium has no window');
    const page = await context.newPage();
    // Whichever way it ends, whoever waits for it is told by its own calls.
    for (const end of /** @type {const} */ (['close', 'crash']))
      page.on(/** @type {'close'} */ (end), () => (this.#page = this.#page === page ? null : this.#page));
    await page.goto(this.#url);
    await page.waitForFunction(() => 'amplet' in globalThis);
    this.#page = page;
  }

  async #start() {
    if (this.#profile === '') this.#profile = await mkdtemp(join(tmpdir(), 'amplet-chaos-'));
    const switches = ['--headless', '--remote-debugging-port=0', `--user-data-dir=${this.#profile}`, 'about:blank'];
    const child = spawn(CHROMIUM.executablePath, [...CHROMIUM.args, ...switches], {
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#process = child;
    if (child.pid !== undefined) running.add(child.pid);
    const lines = createInterface({ input: child.stderr });
    const address = await new Promise((resolve, reject) => {
      lines.on('line', (line) => {
        const found = /^DevTools listening on (ws:\S+)$/.exec(line);
        if (found) resolve(found[1]);
      });
      child.once('exit', () => reject(new Error('Chromium ended while it was started')));
    });
    const browser = await chromium.connectOverCDP(address);
    browser.on('disconnected', () => {
      if (this.#browser === browser) this.#browser = this.#page = null;
    });
    return browser;
  }

  /** True while a tab is there. */
  get shown() {
    return this.#page !== null;
  }

  /**
   * Does something in the tab.
   * @template T, A
   * @param {(given: A) => Promise<T>} work
   * @param {A} given
   * @param {number} [limitMs]
   * @returns {Promise<Answer>}
   */
  async run(work, given, limitMs = 30_000) {
    const page = this.#page;
    if (page === null) return { error: GONE };
    const done = page.evaluate(/** @type {any} */ (work), given).then(
      (value) => ({ value }),
      () => ({ error: GONE }),
    );
    const call = { over: false };
    const ended = /** @type {Answer} */ (await Promise.race([done, this.#fails(page, limitMs, call)]));
    call.over = true;
    return ended.error ? ended : ended.value;
  }

  /**
   * A tab that crashes does not always tell those who wait for it, and one that lives may not answer.
   * @param {import('@playwright/test').Page} page
   * @param {number} limitMs
   * @param {{ over: boolean }} call
   */
  async #fails(page, limitMs, call) {
    const until = performance.now() + limitMs;
    while (this.#page === page && !call.over && performance.now() < until) await pause(100);
    // What it has answered in its last moment counts.
    await pause(50);
    return { error: this.#page === page ? LATE : GONE };
  }

  /** Opens the wallet in the tab. @param {object} options @param {number} [limitMs] */
  async open(options, limitMs) {
    await this.show();
    return this.run(
      async (given) => {
        try {
          const wallet = await globalThis.amplet.Wallet.open(given);
          globalThis.wallet = wallet;
          globalThis.chaosEnd = null;
          void wallet.ended.then((/** @type {any} */ error) => (globalThis.chaosEnd = error.code));
          return { value: wallet.takeMnemonic() };
        } catch (error) {
          const { code = 'unknown', message = String(error) } = /** @type {any} */ (error);
          return { error: { code, message } };
        }
      },
      options,
      limitMs,
    );
  }

  /** Asks the wallet. @param {string} method @param {unknown[]} [given] @param {number} [limitMs] */
  ask(method, given = [], limitMs) {
    return this.run(
      async ({ name, words }) => {
        try {
          const { wallet } = globalThis;
          if (!wallet) return { error: { code: 'gone', message: 'no wallet is open', outcome: 'notSent' } };
          if (name !== 'history') return { value: await wallet[name](...words) };
          const all = [];
          for await (const page of wallet.history({ pageSize: 100 })) all.push(...page);
          return { value: all };
        } catch (error) {
          const { code = 'unknown', message = String(error), outcome } = /** @type {any} */ (error);
          return { error: { code, message, outcome } };
        }
      },
      { name: method, words: given },
      limitMs,
    );
  }

  /** Why the wallet ended in the tab; `null`: it has not. @returns {Promise<string | null>} */
  async ended() {
    const { value, error } = await this.run(
      async () => ({ value: globalThis.wallet ? globalThis.chaosEnd : 'gone' }),
      null,
      5_000,
    );
    return error ? error.code : value;
  }

  /**
   * The engine's `left`-th commit from now on kills the browser, inside or after it.
   * @param {number} left @param {'inside' | 'after'} when @param {import('./wire.mjs').Trigger} trigger
   */
  async arm(left, when, trigger) {
    trigger.onSprung = () => this.kill();
    await this.run(
      async (data) => {
        const channel = new BroadcastChannel('chaos');
        channel.postMessage(data);
        channel.close();
        return { value: null };
      },
      { left, when, url: trigger.url },
      5_000,
    );
  }

  /** The tab is closed, as a user does. */
  async close() {
    await this.#page?.close().catch(() => undefined);
    this.#page = null;
  }

  /** The tab's process dies. */
  async crash() {
    const page = this.#page;
    if (page === null) return;
    const session = await page
      .context()
      .newCDPSession(page)
      .catch(() => null);
    // Whoever dies does not answer.
    void session?.send('Page.crash').catch(() => undefined);
    await Promise.race([page.waitForEvent('crash').catch(() => undefined), pause(3_000)]);
    this.#page = null;
    await Promise.race([page.close().catch(() => undefined), pause(3_000)]);
  }

  /** The browser with all its processes dies, as by a power cut. */
  kill() {
    const pid = this.#process?.pid;
    this.#process = this.#browser = this.#page = null;
    if (pid !== undefined) killGroup(pid);
  }

  /** The device is lost, with all that it knew. */
  async lose() {
    this.kill();
    if (this.#profile === '') return;
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    this.#profile = '';
  }
}
