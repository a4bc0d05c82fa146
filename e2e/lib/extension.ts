/** Chromium with the built extension, told of the regtest network as whoever packs it would tell it. */

import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type BrowserContext, type Page, type Worker } from '@playwright/test';
import { CHROMIUM } from './chromium.mjs';

const BUILT = fileURLToPath(new URL('../../extension/dist/chrome', import.meta.url));

/** A browser with the extension in it. */
export class ExtensionBrowser {
  context: BrowserContext;
  /** Where its pages are, with a slash at the end. */
  readonly base: string;
  readonly #folder: string;
  readonly #locale: string;

  private constructor(context: BrowserContext, base: string, folder: string, locale: string) {
    this.context = context;
    this.base = base;
    this.#folder = folder;
    this.#locale = locale;
  }

  /** @param config what config.json shall say: network and gateways */
  static async start(config: unknown, { locale = 'en-GB' } = {}): Promise<ExtensionBrowser> {
    const folder = await mkdtemp(join(tmpdir(), 'amplet-extension-'));
    // Only in its developers' mode Chromium lets an unpacked extension load itself anew.
    const preferences = join(folder, 'profile', 'Default', 'Preferences');
    await mkdir(dirname(preferences), { recursive: true });
    await writeFile(preferences, JSON.stringify({ extensions: { ui: { developer_mode: true } } }));
    const unpacked = join(folder, 'extension');
    await cp(BUILT, unpacked, { recursive: true });
    await writeFile(join(unpacked, 'config.json'), JSON.stringify(config));
    const context = await ExtensionBrowser.#launch(folder, locale);
    const worker = await serviceWorker(context);
    return new ExtensionBrowser(context, new URL('/', worker.url()).href, folder, locale);
  }

  static #launch(folder: string, locale: string): Promise<BrowserContext> {
    const unpacked = join(folder, 'extension');
    return chromium.launchPersistentContext(join(folder, 'profile'), {
      executablePath: CHROMIUM.executablePath,
      headless: true,
      locale,
      args: [...CHROMIUM.args, `--disable-extensions-except=${unpacked}`, `--load-extension=${unpacked}`],
    });
  }

  /** Opens one of the extension's pages in a tab. */
  async open(name: string): Promise<Page> {
    const page = await this.context.newPage();
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') console.log(`${name}:`, message.text());
    });
    page.on('pageerror', (error) => console.log(`${name}:`, error.message));
    await page.goto(this.base + name);
    return page;
  }

  /** Ends the browser and starts it again, with the same profile. */
  async restart(): Promise<void> {
    await this.context.close();
    this.context = await ExtensionBrowser.#launch(this.#folder, this.#locale);
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
    await this.context.close();
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The extension's service worker, once it runs. */
export async function serviceWorker(context: BrowserContext): Promise<Worker> {
  return context.serviceWorkers()[0] ?? context.waitForEvent('serviceworker');
}
