/** Streams across crashes and restarts: each time the entry ends or continues, and both ends agree to the millisatoshi. */

import { expect, test, type Page } from '@playwright/test';
import { fundedBrowser, giveBudget, popupOver, promptOf } from '../../lib/extension-wallet';
import type { ExtensionBrowser } from '../../lib/extension';
import { Network } from '../../lib/network.mjs';
import { PASSPHRASE } from '../../lib/places';
import { expectSettled, Film, streamIn } from '../../lib/stream';
import { spoilEngine } from '../../lib/trap';

test.describe.configure({ mode: 'serial' });

let network: Network;
let browser: ExtensionBrowser;
let film: Film;
let site: string;

test.beforeAll(async () => {
  network = new Network();
  site = (await network.examples()).video;
  browser = await fundedBrowser(network, { hides: true });
  film = await Film.open(browser, site);
  await giveBudget(browser, film.page, 2_000, 500);
});

test.afterAll(() => browser?.close());

async function stopAndSettle(popup: Page): Promise<bigint> {
  await film.press('Stop');
  await expect(popup.getByTestId('stream')).toHaveCount(0);
  await popup.close();
  return (await expectSettled(browser, film)).receivedMsat;
}

async function unlock(prompt: Page): Promise<void> {
  await prompt.getByLabel('Passphrase', { exact: true }).fill(PASSPHRASE);
  await prompt.getByRole('button', { name: 'Unlock' }).click();
}

test('the service worker is killed: nobody notices', async () => {
  await film.press('Play');
  await film.seconds(1);
  const { popup, paid } = await streamIn(browser, film);
  for (let times = 0; times < 3; times += 1) {
    await browser.killServiceWorker(popup);
    await film.seconds(1);
  }
  const before = await paid();
  await expect.poll(paid).toBeGreaterThan(before);
});

test('the wallet host is killed: the page has its stream again, in the same line', async () => {
  const { popup } = await streamIn(browser, film);
  const id = await popup.getByTestId('stream').getAttribute('data-id');
  await browser.killWalletHost();
  await film.seconds(2);
  await expect(popup.getByTestId('stream')).toHaveAttribute('data-id', id ?? '');
  await expect(popup.getByTestId('stream')).toHaveAttribute('data-state', 'running');
  await stopAndSettle(popup);
});

test('the gateway is killed and comes back: it waits, and goes on', async () => {
  await startAgain();
  const { popup } = await streamIn(browser, film);
  const stream = popup.getByTestId('stream');
  // The wallet has its channel with the first that it knows.
  await network.node('0', 'kill');
  await expect(stream).toHaveAttribute('data-reason', 'offline');
  await expect(film.page.getByText('Your wallet has no connection')).toBeVisible();
  await network.node('0', 'start');
  await expect(stream).toHaveAttribute('data-state', 'running');
  await film.seconds(2);
  await stopAndSettle(popup);
});

test('a wallet that is locked holds it; unlocked, it goes on', async () => {
  await startAgain();
  const { popup } = await streamIn(browser, film);
  await popup.getByRole('button', { name: 'Lock', exact: true }).click();
  await expect(film.page.getByText('Your wallet has no connection')).toBeVisible();
  await unlock(popup);
  await expect(popup.getByTestId('stream')).toHaveAttribute('data-state', 'running');
  await film.seconds(2);
  await stopAndSettle(popup);
});

test('the engine traps: a fresh one goes on in the same line', async () => {
  await startAgain();
  const { popup } = await streamIn(browser, film);
  const id = await popup.getByTestId('stream').getAttribute('data-id');
  const chromium = browser.context.browser();
  if (chromium === null) throw new Error('the browser has no debugger');
  await film.page.evaluate(() => {
    type Events = { on(event: string, listener: (report: { reason: string | null }) => void): void };
    const { webln } = window as unknown as { webln: Events };
    webln.on('stream', ({ reason }) => reason === 'offline' && document.body.setAttribute('data-offline', ''));
  });
  await spoilEngine(chromium);
  await expect(film.page.locator('body[data-offline]'), 'the page was told').toBeAttached();
  await film.seconds(2);
  // The popup's own view of the wallet ended with the engine.
  await popup.reload();
  await expect(popup.getByTestId('stream')).toHaveAttribute('data-id', id ?? '');
  await expect(popup.getByTestId('stream')).toHaveAttribute('data-state', 'running');
  await stopAndSettle(popup);
});

for (const how of ['close', 'kill'] as const) {
  test(`the browser ends (${how}): at the next start what was seen is paid, and the line ends`, async () => {
    await startAgain();
    await film.seconds(3);
    const before = await film.account();
    await browser.restart(how);
    film = await Film.open(browser, site);
    // Nobody plays it any more: the wallet is opened by the user.
    const popup = await browser.window('popup.html');
    await unlock(popup);
    await expect(popup.getByTestId('balance')).toBeVisible();
    const after = await expectSettled(browser, film);
    expect(after.receivedMsat, 'nothing is lost').toBeGreaterThanOrEqual(before.receivedMsat);
    expect(after.usedMsat - after.receivedMsat, 'the last moment at most is unpaid').toBeLessThanOrEqual(2_500n);
    await expect(popup.getByTestId('stream')).toHaveCount(0);
    await popup.close();
  });
}

test('the browser is killed and the page comes back at once: the session goes on', async () => {
  await startAgain();
  await film.seconds(2);
  const before = await film.account();
  await browser.restart('kill');
  film = await Film.open(browser, site);
  await film.press('Play');
  await unlock(await promptOf(browser));
  await film.seconds(2);
  const { popup } = await streamIn(browser, film);
  expect(await stopAndSettle(popup)).toBeGreaterThan(before.receivedMsat);
});

/** Plays on, within the budget. */
async function startAgain(): Promise<void> {
  await film.press('Play');
  const popup = await popupOver(browser, film.page);
  await expect(popup.getByTestId('stream')).toHaveCount(1);
  await popup.close();
  await film.seconds(1);
}
