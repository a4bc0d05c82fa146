/** A film that is paid by the second, seen from both ends. */

import { expect, type Page } from '@playwright/test';
import { popupOver } from './extension-wallet';
import type { ExtensionBrowser } from './extension';

/** Totals of a viewing as the site's server counts them, in msat. */
export interface Account {
  readonly usedMsat: bigint;
  readonly receivedMsat: bigint;
}

/** The example film in a tab. */
export class Film {
  readonly page: Page;
  readonly #site: string;

  private constructor(page: Page, site: string) {
    this.page = page;
    this.#site = site;
  }

  static async open(browser: ExtensionBrowser, site: string): Promise<Film> {
    const page = await browser.context.newPage();
    await page.goto(site);
    return new Film(page, site);
  }

  /** Presses the button, whatever it is called now. */
  async press(name: 'Play' | 'Stop'): Promise<void> {
    await this.page.getByRole('button', { name, exact: true }).click();
  }

  /** Waits until so many more seconds were shown, however long that takes. */
  async seconds(count: number): Promise<void> {
    const now = async (): Promise<number> =>
      Number(/Second (\d+)/.exec(await this.page.locator('#said').innerText())?.[1] ?? 0);
    await expect.poll(now).toBeGreaterThan(0);
    const first = await now();
    await expect.poll(now, { timeout: 180_000 }).toBeGreaterThanOrEqual(first + count);
  }

  /** Returns the page's meter, in msat. */
  async meter(): Promise<number> {
    const text = await this.page.locator('#paid').innerText();
    return Math.round(Number(text.replace(/[^0-9.]/g, '')) * 1000);
  }

  async account(): Promise<Account> {
    const kept = await this.page.evaluate(() => localStorage.getItem('viewing'));
    const { id } = JSON.parse(kept ?? '{}') as { id: string };
    const { usedMsat, receivedMsat } = (await (await fetch(`${this.#site}/api/viewings/${id}`)).json()) as Record<
      string,
      string
    >;
    return { usedMsat: BigInt(usedMsat ?? 'none'), receivedMsat: BigInt(receivedMsat ?? 'none') };
  }
}

/** The popup with the stream that runs, over the film. */
export async function streamIn(
  browser: ExtensionBrowser,
  film: Film,
): Promise<{ popup: Page; paid: () => Promise<bigint> }> {
  const popup = await popupOver(browser, film.page);
  const stream = popup.getByTestId('stream');
  await expect(stream).toHaveCount(1);
  const paid = async (): Promise<bigint> => BigInt((await stream.getAttribute('data-paid')) ?? 'none');
  return { popup, paid };
}

/** The lines of the history that are streams, newest first: their amounts in msat, all of them ended. */
export async function streamLines(browser: ExtensionBrowser): Promise<bigint[]> {
  const wallet = await browser.open('options.html#/history');
  const lines = wallet.locator('[data-testid=payment][data-kind=stream]');
  await expect(lines.first()).toBeVisible();
  await expect(wallet.locator('[data-testid=payment][data-kind=stream][data-state=pending]')).toHaveCount(0, {
    timeout: 180_000,
  });
  const amounts = await lines.evaluateAll((rows) => rows.map((row) => row.getAttribute('data-msat') ?? 'none'));
  await wallet.close();
  return amounts.map(BigInt);
}

/** Expects that what left the wallet for the film is what the film's server has got, to the millisatoshi. */
export async function expectSettled(browser: ExtensionBrowser, film: Film): Promise<Account> {
  const sent = (await streamLines(browser)).reduce((sum, msat) => sum + msat, 0n);
  const account = await film.account();
  expect(account.receivedMsat, 'both ends').toBe(sent);
  return account;
}
