/**
 * Firefox with the built extension: Debian's own, as Playwright reaches it through WebDriver BiDi. That has no events of an
 * extension's pages yet (https://bugzilla.mozilla.org/show_bug.cgi?id=1755014), so what is told of other pages is asked here.
 */

import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { firefox, type BrowserContext, type Page } from '@playwright/test';
import type { ExtensionHost } from './extension';

const BUILT = fileURLToPath(new URL('../../extension/dist/firefox', import.meta.url));
const NAMES = ['firefox-esr', 'firefox'];
/** The extension's id, from manifest.ts. */
const ID = 'wallet@amplet.dev';
/** Firefox makes one up for each profile; given one, the extension's pages are where we expect them. */
const HOST = '5f1e7a52-6d0b-4c58-9a86-3a4c1d2b7e90';
/** A page of the extension, without a word of the wallet's code, through which the browser's API is asked. */
const EYE = 'eye.html';

const PREFERENCES = {
  // What lies in the profile is installed, unsigned as it is.
  'xpinstall.signatures.required': false,
  'extensions.autoDisableScopes': 0,
  'extensions.startupScanScopes': 1,
  'extensions.webextensions.uuids': JSON.stringify({ [ID]: HOST }),
  // The browser's own question about a permission is no page that could be clicked.
  'extensions.webextOptionalPermissionPrompts': false,
};

export type Preferences = Record<string, string | number | boolean>;

/** A Firefox with the extension in it. */
export class FirefoxBrowser implements ExtensionHost {
  context!: BrowserContext;
  readonly base = `moz-extension://${HOST}/`;
  readonly #profile: string;
  readonly #preferences: Preferences;
  #eye!: Page;

  private constructor(profile: string, preferences: Preferences) {
    this.#profile = profile;
    this.#preferences = { ...PREFERENCES, ...preferences };
  }

  /** @param config what config.json shall say: network and gateways */
  static async start(config: unknown, preferences: Preferences = {}): Promise<FirefoxBrowser> {
    const profile = await mkdtemp(join(tmpdir(), 'amplet-firefox-'));
    const unpacked = join(profile, 'extensions', ID);
    await mkdir(unpacked, { recursive: true });
    await cp(BUILT, unpacked, { recursive: true });
    await writeFile(join(unpacked, 'config.json'), JSON.stringify(config));
    await writeFile(join(unpacked, EYE), '<!doctype html><title>Eye</title>');
    const browser = new FirefoxBrowser(profile, preferences);
    await browser.#launch();
    return browser;
  }

  async #launch(): Promise<void> {
    this.context = await firefox.launchPersistentContext(this.#profile, {
      channel: 'moz-firefox',
      executablePath: find(),
      headless: true,
      viewport: null,
      args: ['--remote-allow-system-access'], // without it no page of an extension can be reached
      firefoxUserPrefs: this.#preferences,
    });
    this.context.on('page', (page) => this.#attend(page));
    this.#eye = await this.open(EYE);
  }

  #attend(page: Page): void {
    page.on('framenavigated', (frame) => {
      if (frame === page.mainFrame() && frame.url().startsWith(this.base)) void rouse(page);
    });
  }

  /** Opens one of the extension's pages in a window of its own, with the address bar and all. */
  async open(name: string): Promise<Page> {
    const page = await this.context.newPage();
    await page.goto(this.base + name, { waitUntil: 'commit' });
    return closable(page);
  }

  async window(name: string): Promise<Page> {
    const opened = this.context.waitForEvent('page');
    await this.ask('windows.create', { url: this.base + name, type: 'popup', width: 420, height: 720 });
    const page = await opened;
    await page.waitForURL(this.base + name, { waitUntil: 'commit' });
    await page.evaluate('0'); // which waits for the document
    return closable(page);
  }

  /** Asks the browser's API, as the extension sees it. */
  ask<T>(what: string, ...args: unknown[]): Promise<T> {
    return this.#eye.evaluate(
      ([path, given]) => {
        let owner: any = (globalThis as any).chrome;
        const names = path.split('.');
        const last = names.pop() ?? '';
        for (const name of names) owner = owner[name];
        return owner[last](...given);
      },
      [what, args] as const,
    ) as Promise<T>;
  }

  async asking(): Promise<Page | undefined> {
    const url = `${this.base}approve.html`;
    const windows = await this.ask<unknown[]>('tabs.query', { url });
    return windows.length === 0 ? undefined : this.context.pages().findLast((page) => page.url() === url);
  }

  /** Closes the windows that show a page of the extension, whoever opened them. */
  async closeAll(name: string): Promise<void> {
    const tabs = await this.ask<{ id: number }[]>('tabs.query', { url: `${this.base}${name}*` });
    await this.ask(
      'tabs.remove',
      tabs.map(({ id }) => id),
    );
  }

  /** Returns when the background page began. There is one from then on. */
  born(): Promise<number> {
    return this.#background((page) => page.performance.timeOrigin);
  }

  /** Ends the background page, as a crash would. */
  async killBackground(): Promise<void> {
    await this.#background((page) => page.location.reload());
  }

  #background<T>(work: (page: Window) => T): Promise<T> {
    return this.#eye.evaluate(`chrome.runtime.getBackgroundPage().then(${String(work)})`);
  }

  async restart(): Promise<void> {
    await this.context.close();
    await this.#launch();
  }

  async close(): Promise<void> {
    await this.context.close();
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Playwright knows a document by the first event of it; the first command that arrives there has Firefox send them. */
async function rouse(page: Page): Promise<void> {
  let known = false;
  const seen = (): void => void (known = true);
  page.evaluate('0').then(seen, seen);
  for (let tries = 0; !known && tries < 100; tries += 1) {
    await page.mouse.move(0, 0).catch(() => undefined);
    await new Promise((tick) => setTimeout(tick, 200));
  }
}

/** Of the end of an extension's page nothing is told, and Playwright would wait for it. */
function closable(page: Page): Page {
  const close = page.close.bind(page);
  page.close = async () => {
    await page.goto('about:blank');
    await close();
  };
  return page;
}

function find(): string {
  const { FIREFOX, PATH = '' } = process.env;
  if (FIREFOX) return FIREFOX;
  const found = NAMES.flatMap((name) => PATH.split(delimiter).map((folder) => join(folder, name))).find((path) =>
    existsSync(path),
  );
  if (!found) throw new Error(`no Firefox in PATH (${NAMES.join(', ')}): install one, or name it in FIREFOX`);
  return found;
}
