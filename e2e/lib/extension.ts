/** Chromium with the built extension, told of the regtest network as whoever packs it would tell it. */

import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type BrowserContext, type Page, type Worker } from '@playwright/test';
import { CHROMIUM } from './chromium.mjs';

const BUILT = fileURLToPath(new URL('../../extension/dist/chrome', import.meta.url));

interface Options {
  locale: string;
  /** Tabs that are hidden when another is in front, as people's are: Playwright has them all seem visible otherwise. */
  hides: boolean;
}

/** Chromium as it runs. */
interface Running {
  context: BrowserContext;
  /** Ends it as a user does. */
  close(): Promise<void>;
  /** Ends it as a power cut does. */
  kill(): Promise<void>;
}

/** A browser with the extension in it, whichever it is. */
export interface ExtensionHost {
  readonly context: BrowserContext;
  /** URL of its pages, with a slash at the end. */
  readonly base: string;
  /** Opens one of the extension's pages in a tab. */
  open(name: string): Promise<Page>;
  /** Opens one of the extension's pages so that the tabs stay as they are, where the browser can do that. */
  window(name: string): Promise<Page>;
  /** The window that asks the user, if there is one. */
  asking(): Promise<Page | undefined>;
  /** Ends the browser and starts it again, with the same profile. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** A Chromium with the extension in it. */
export class ExtensionBrowser implements ExtensionHost {
  #running: Running;
  readonly base: string;
  readonly #folder: string;
  readonly #options: Options;

  private constructor(running: Running, base: string, folder: string, options: Options) {
    this.#running = running;
    this.base = base;
    this.#folder = folder;
    this.#options = options;
  }

  /** @param config what config.json shall say: network and gateways */
  static async start(
    config: unknown,
    { locale = 'en-GB', hides = false }: Partial<Options> = {},
  ): Promise<ExtensionBrowser> {
    const folder = await mkdtemp(join(tmpdir(), 'amplet-extension-'));
    // Only in its developers' mode Chromium lets an unpacked extension load itself again.
    const preferences = join(folder, 'profile', 'Default', 'Preferences');
    await mkdir(dirname(preferences), { recursive: true });
    await writeFile(preferences, JSON.stringify({ extensions: { ui: { developer_mode: true } } }));
    const unpacked = join(folder, 'extension');
    await cp(BUILT, unpacked, { recursive: true });
    await writeFile(join(unpacked, 'config.json'), JSON.stringify(config));
    const running = await launch(folder, { locale, hides });
    const worker = await serviceWorker(running.context);
    return new ExtensionBrowser(running, new URL('/', worker.url()).href, folder, { locale, hides });
  }

  get context(): BrowserContext {
    return this.#running.context;
  }

  async open(name: string): Promise<Page> {
    const page = await this.context.newPage();
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') console.log(`${name}:`, message.text());
    });
    page.on('pageerror', (error) => console.log(`${name}:`, error.message));
    await page.goto(this.base + name);
    return page;
  }

  async window(name: string): Promise<Page> {
    const [page] = await Promise.all([
      this.context.waitForEvent('page'),
      this.#evaluate(
        `chrome.windows.create({ url: ${JSON.stringify(name)}, type: 'popup', focused: false, width: 400, height: 640 }).then(() => undefined)`,
      ),
    ]);
    await page.waitForLoadState();
    return page;
  }

  async asking(): Promise<Page | undefined> {
    return this.context.pages().find((page) => page.url() === `${this.base}approve.html`);
  }

  /** Returns the text of the extension's badge. */
  async badge(): Promise<string> {
    return this.#evaluate<string>('chrome.action.getBadgeText({})');
  }

  /** Ends the wallet host, as the browser does when its process crashes. */
  async killWalletHost(): Promise<void> {
    await this.#evaluate('chrome.offscreen.closeDocument()');
  }

  /** In one of the extension's own pages, or in its service worker where none is open: one that was ended is not waited for. */
  async #evaluate<T>(expression: string): Promise<T> {
    const own = this.context
      .pages()
      .find((page) => page.url().startsWith(this.base) && !page.url().endsWith('/approve.html'));
    return own === undefined
      ? (await serviceWorker(this.context)).evaluate<T>(expression)
      : own.evaluate<T>(expression);
  }

  /** Ends the browser and starts it again, with the same profile. */
  async restart(how: 'close' | 'kill' = 'close'): Promise<void> {
    await this.#running[how]();
    this.#running = await launch(this.#folder, this.#options);
    await serviceWorker(this.context);
  }

  /** Ends the service worker, as the browser does when it thinks that it is idle. `page` is one of the extension's. */
  async killServiceWorker(page: Page): Promise<void> {
    const session = await this.context.newCDPSession(page);
    await session.send('ServiceWorker.enable');
    await session.send('ServiceWorker.stopAllWorkers');
    await session.detach();
  }

  async close(): Promise<void> {
    await this.#running.close();
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function launch(folder: string, { locale, hides }: Options): Promise<Running> {
  const unpacked = join(folder, 'extension');
  const profile = join(folder, 'profile');
  const args = [...CHROMIUM.args, `--disable-extensions-except=${unpacked}`, `--load-extension=${unpacked}`];
  if (hides) return launchPlain(profile, [...args, `--lang=${locale}`]);
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: CHROMIUM.executablePath,
    headless: true,
    locale,
    args,
  });
  const close = (): Promise<void> => context.close();
  return { context, close, kill: close };
}

/** Chromium without what Playwright changes about focus and visibility. */
async function launchPlain(profile: string, args: readonly string[]): Promise<Running> {
  const process = spawn(
    CHROMIUM.executablePath,
    [...args, '--headless=new', '--remote-debugging-port=0', `--user-data-dir=${profile}`, 'about:blank'],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const ended = new Promise<void>((resolve) => process.once('exit', () => resolve()));
  const url = await new Promise<string>((resolve, reject) => {
    let said = '';
    process.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      const [, found] = /DevTools listening on (ws:\S+)/.exec(said) ?? [];
      if (found !== undefined) resolve(found);
    });
    void ended.then(() => reject(new Error(`Chromium ended: ${said}`)));
  });
  const browser = await chromium.connectOverCDP(url, { noDefaults: true });
  const [context] = browser.contexts();
  if (context === undefined) throw new Error('Chromium has no profile');
  const end = (signal: 'SIGTERM' | 'SIGKILL') => async (): Promise<void> => {
    process.kill(signal);
    await ended;
  };
  return { context, close: end('SIGTERM'), kill: end('SIGKILL') };
}

/** The extension's service worker, once it runs. */
export async function serviceWorker(context: BrowserContext): Promise<Worker> {
  return context.serviceWorkers()[0] ?? context.waitForEvent('serviceworker');
}
