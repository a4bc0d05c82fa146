/** Actions of a user on the extension, by the words and roles that a user goes by. English. */

import { expect, type Page } from '@playwright/test';
import { expectAccessible } from './axe';
import { ExtensionBrowser, type ExtensionHost } from './extension';
import type { Network } from './network.mjs';
import { PASSPHRASE } from './places';
import { WalletPage } from './wallet-page.mjs';

/** A browser whose extension has a wallet with a channel, unlocked. */
export async function fundedBrowser(
  network: Network,
  { channelSat = 500_000n, hides = false } = {},
): Promise<ExtensionBrowser> {
  const browser = await ExtensionBrowser.start(await network.config(), { hides });
  await fund(browser, network, channelSat);
  return browser;
}

/** Makes a wallet and opens a channel. */
export async function fund(browser: ExtensionHost, network: Network, channelSat: bigint): Promise<void> {
  const page = await browser.open('options.html');
  const wallet = new WalletPage(page, page.url());
  await wallet.create(PASSPHRASE);
  await wallet.connected();
  const deposit = channelSat + 500_000n;
  await network.fund(await wallet.savingsAddress(), Number(deposit), 1);
  await wallet.savingsReach(deposit);
  await wallet.openChannel(channelSat);
  await network.mine(6, { transactions: 1 });
  await wallet.channelsReady();
  await page.close();
}

/** The popup, as it is over `site`. */
export async function popupOver(browser: ExtensionHost, site: Page): Promise<Page> {
  const popup = await browser.window('popup.html');
  await site.bringToFront();
  await popup.reload({ waitUntil: 'commit' }); // shown as a tab it looks at the one in front
  await expect(popup.getByTestId('balance')).toBeVisible();
  return popup;
}

/** Lets the site in front in. */
export async function connect(browser: ExtensionHost, site: Page): Promise<void> {
  await site.bringToFront();
  if ((await webln(site, 'isEnabled')) === true) return;
  const enabling = webln(site, 'enable');
  await press(await promptOf(browser), 'Allow');
  await enabling;
}

/** Gives the site in front a budget in the popup, once it is let in: whoever never asked is offered none. Amounts in sat. */
export async function giveBudget(browser: ExtensionHost, site: Page, perDay: number, askAbove: number): Promise<void> {
  await connect(browser, site);
  const popup = await popupOver(browser, site);
  await expect(popup.getByTestId('site-budget')).toHaveAttribute('data-state', 'none');
  await popup.getByText('Other limits').click();
  await popup.getByLabel('At most, each day').fill(String(perDay));
  await popup.getByLabel('Ask me above').fill(String(askAbove));
  await popup.bringToFront(); // what can spend works in front only
  await popup.getByRole('button', { name: 'Give this budget' }).click();
  await expect(popup.getByTestId('site-budget')).toHaveAttribute('data-state', 'open');
  await popup.close();
}

/** Chooses the language of the extension; `null`: the browser's. */
export async function speak(browser: ExtensionHost, language: string | null): Promise<void> {
  const options = await browser.open('options.html#/settings');
  await options
    .locator('select')
    .nth(1) // behind the currency's
    .selectOption(language ?? '');
  await expect(options.locator('html')).toHaveAttribute('lang', language ?? 'en');
  await options.close();
}

/** The window that asks, once it shows a question. */
export async function promptOf(browser: ExtensionHost): Promise<Page> {
  let prompt: Page | undefined;
  const shown = async (): Promise<boolean> => {
    prompt = await browser.asking();
    return (
      (await prompt
        ?.getByTestId('site')
        .isVisible()
        .catch(() => false)) ?? false
    );
  };
  await expect.poll(shown, { timeout: 180_000 }).toBe(true);
  if (prompt === undefined) throw new Error('no window asks');
  return prompt;
}

/** Presses a button of the window that asks, when it has become enabled. */
export async function press(prompt: Page, name: string): Promise<void> {
  await prompt.getByRole('button', { name, exact: true }).click();
}

/** Expects no violation in the window that asks, once its buttons have become enabled. */
export async function expectPromptAccessible(prompt: Page, yes: string, where: string): Promise<void> {
  await expect(prompt.getByRole('button', { name: yes, exact: true })).toBeEnabled();
  await expect.poll(() => prompt.evaluate(() => document.getAnimations().length)).toBe(0);
  await expectAccessible(prompt, where);
}

/** Presses Escape in the window that asks, which closes it before the key comes up again. */
export async function escape(prompt: Page): Promise<void> {
  await Promise.all([prompt.waitForEvent('close'), prompt.keyboard.down('Escape').catch(() => undefined)]);
}

/** Says no, by closing the window, to whatever is asked until `work` is done. */
export async function refusingAll<T>(browser: ExtensionBrowser, work: Promise<T>): Promise<T> {
  let done = false;
  const worked = work.finally(() => (done = true));
  while (!done) {
    const prompt = await browser.asking();
    await prompt?.close().catch(() => undefined);
    await Promise.race([worked.catch(() => undefined), new Promise((tick) => setTimeout(tick, 100))]);
  }
  return worked;
}

/** Returns what a page gets from `window.webln`, or the name of the error. */
export function webln<T>(
  page: Page,
  method: string,
  ...args: unknown[]
): Promise<T | { error: string; message: string; code?: string }> {
  return page.evaluate(
    async ([name, given]) => {
      type Method = (...args: unknown[]) => Promise<unknown>;
      const provider = (window as unknown as { webln: Record<string, Method> }).webln;
      try {
        return (await provider[name]?.(...given)) as T;
      } catch (error) {
        const { name, message, code } = error as Error & { code?: string };
        return { error: name, message, ...(code === undefined ? {} : { code }) };
      }
    },
    [method, args] as const,
  );
}
