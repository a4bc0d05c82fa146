/** A film by the second: the user gives a budget, sees the meter count, and stops it with one tap; both ends agree to the msat. */

import { expect, test, type Page } from '@playwright/test';
import { expectAccessible } from '../../lib/axe';
import {
  expectPromptAccessible,
  fundedBrowser,
  giveBudget,
  popupOver,
  press,
  promptOf,
  webln,
} from '../../lib/extension-wallet';
import type { ExtensionBrowser } from '../../lib/extension';
import { Network } from '../../lib/network.mjs';
import { expectSettled, Film, streamIn, streamLines } from '../../lib/stream';

test.describe.configure({ mode: 'serial' });

let network: Network;
let browser: ExtensionBrowser;
let film: Film;

test.beforeAll(async () => {
  network = new Network();
  browser = await fundedBrowser(network, { hides: true });
  film = await Film.open(browser, (await network.examples()).video);
});

test.afterAll(() => browser?.close());

async function stopIn(popup: Page): Promise<void> {
  await popup.getByTestId('stream').getByRole('button', { name: 'Stop' }).click();
  await expect(popup.getByTestId('stream')).toHaveCount(0);
}

test('without a budget the user is asked, sees the terms, and gives one with the yes', async () => {
  await film.press('Play');
  await press(await promptOf(browser), 'Allow'); // the site may ask
  const prompt = await promptOf(browser);
  await expect(prompt.getByRole('heading', { name: 'Pay this site as you go?' })).toBeVisible();
  await expect(prompt.getByTestId('per-second')).toHaveAttribute('data-msat', '1000');
  await expect(prompt.getByTestId('credit')).toHaveAttribute('data-msat', '5000');
  await expect(prompt.getByTestId('lasts')).toContainText('33 minutes');
  await expectPromptAccessible(prompt, 'Allow', 'a stream');
  await press(prompt, 'Reject');
  await expect(film.page.getByText('The user did not allow it.')).toBeVisible();

  await film.press('Play');
  await press(await promptOf(browser), 'Allow');
  await film.seconds(2);
});

test('a yes to a stream pays that stream, and no payment of another kind', async () => {
  const { invoice } = await network.gatewayInvoice(1_000_000n);
  const paying = webln(film.page, 'sendPayment', invoice);
  const prompt = await promptOf(browser);
  await expect(prompt.getByTestId('why')).toContainText('is only for: stream');
  await press(prompt, 'Reject');
  expect(await paying).toMatchObject({ error: 'RejectionError' });
});

test('the meter counts in the popup and on the page; one tap stops it, and both ends agree', async () => {
  const { popup } = await streamIn(browser, film);
  const stream = popup.getByTestId('stream');
  await expect(stream).toHaveAttribute('data-state', 'running');
  await expectAccessible(popup, 'popup with a stream');
  await expect.poll(() => browser.badge()).toBe('▶');
  const count = async (): Promise<number> =>
    Number(await stream.getAttribute('data-paid')) + Number(await stream.getAttribute('data-owed'));
  const [shown, onPage] = [await count(), await film.meter()];
  await expect.poll(count).toBeGreaterThan(shown);
  await expect.poll(count).toBeGreaterThan(shown + 1_000);
  expect(await film.meter()).toBeGreaterThan(onPage);
  await stopIn(popup);
  // What the user stopped is asked about before it goes on.
  await film.press('Play');
  const prompt = await promptOf(browser);
  await expect(prompt.getByText('You have just stopped a stream of this site.')).toBeVisible();
  await press(prompt, 'Allow');
  await film.seconds(1);
  await film.press('Stop');
  await expect(popup.getByTestId('stream')).toHaveCount(0);
  await expect.poll(() => browser.badge()).toBe('');
  const { usedMsat, receivedMsat } = await expectSettled(browser, film);
  expect(receivedMsat).toBeGreaterThan(3_000n);
  expect(usedMsat - receivedMsat, 'within the credit').toBeLessThanOrEqual(5_000n);
  await popup.close();
});

test('paused by the user it stands still on the page, too, and goes on', async () => {
  await film.press('Play');
  await film.seconds(1);
  const { popup } = await streamIn(browser, film);
  const stream = popup.getByTestId('stream');
  await stream.getByRole('button', { name: 'Pause' }).click();
  await expect(stream).toHaveAttribute('data-reason', 'user');
  await expect(film.page.getByText('You paused it in your wallet.')).toBeVisible();
  await expect.poll(() => browser.badge()).toBe('');
  // What is owed is paid, and from then on nothing.
  await expect(stream).toHaveAttribute('data-owed', '0');
  const paid = await stream.getAttribute('data-paid');
  await stream.getByRole('button', { name: 'Go on' }).click();
  await expect(stream).toHaveAttribute('data-state', 'running');
  await film.seconds(1);
  expect(
    Number(await stream.getAttribute('data-owed')) + Number(await stream.getAttribute('data-paid')),
  ).toBeGreaterThan(Number(paid));
  await popup.close();
});

test('a tab that nobody sees pays nothing', async () => {
  const { popup } = await streamIn(browser, film);
  const stream = popup.getByTestId('stream');
  await film.seconds(1);
  const other = await browser.context.newPage();
  await expect(stream).toHaveAttribute('data-reason', 'hidden');
  await expect(stream).toHaveAttribute('data-owed', '0');
  const before = await stream.getAttribute('data-paid');
  await other.close();
  await film.page.bringToFront();
  await expect(stream).toHaveAttribute('data-state', 'running');
  expect(Number(await stream.getAttribute('data-paid')) - Number(before), 'paid while it was hidden').toBeLessThan(
    1_000,
  );
  await film.seconds(1);
  await popup.close();
});

test('loaded anew, the page ends its stream, and goes on where it was', async () => {
  await film.page.reload();
  const popup = await popupOver(browser, film.page);
  await expect(popup.getByTestId('stream')).toHaveCount(0);
  const before = await expectSettled(browser, film);
  await film.press('Play');
  await film.seconds(2);
  await film.press('Stop');
  await expect(popup.getByTestId('stream')).toHaveCount(0);
  const after = await expectSettled(browser, film);
  expect(after.receivedMsat).toBeGreaterThan(before.receivedMsat);
  await popup.close();
});

test('a tab that is closed ends its stream', async () => {
  await film.press('Play');
  await film.seconds(1);
  const popup = await popupOver(browser, film.page);
  await expect(popup.getByTestId('stream')).toHaveCount(1);
  const site = new URL(film.page.url()).origin;
  await film.page.close();
  await expect(popup.getByTestId('stream')).toHaveCount(0);
  await popup.close();
  film = await Film.open(browser, site);
  await expectSettled(browser, film);
});

test('with a budget nothing is asked; a budget that is used up pauses it, and never pays more', async () => {
  // Another name of this machine is another site, with a budget and a session of its own.
  const { port } = new URL(film.page.url());
  const before = await streamLines(browser);
  await film.page.close();
  film = await Film.open(browser, `http://localhost:${port}`);
  await giveBudget(browser, film.page, 20, 10);
  await film.press('Play');
  await film.seconds(1);
  const { popup } = await streamIn(browser, film);
  const stream = popup.getByTestId('stream');
  await expect(stream).toHaveAttribute('data-reason', 'budget');
  await expect(film.page.getByText('limit for this site is reached')).toBeVisible();
  // The user is asked once, and finds the same in the popup.
  const asked = await promptOf(browser);
  await expect(asked.getByRole('heading', { name: 'Its budget is used up' })).toBeVisible();
  await expect(asked.getByTestId('used-up')).toContainText(/localhost.*20\u00a0sat for today/);
  await expectAccessible(asked, 'a budget that is used up');
  await asked.close();
  await expect.poll(() => browser.badge()).toBe('!');
  const raise = stream.getByTestId('raise');
  await raise.getByLabel('New limit for today').fill('40');
  await expectAccessible(popup, 'popup with a budget that is used up');
  await raise.getByRole('button', { name: 'Raise and go on' }).click();
  await film.seconds(1);
  await expect(stream).toHaveAttribute('data-reason', 'budget');
  await press(await promptOf(browser), 'Stop');
  await expect(stream).toHaveCount(0);
  await expect.poll(() => browser.badge()).toBe('');
  await popup.close();
  const [sent = 0n] = (await streamLines(browser)).slice(0, -before.length);
  const { usedMsat, receivedMsat } = await film.account();
  expect(receivedMsat, 'both ends').toBe(sent);
  expect(sent).toBeLessThanOrEqual(40_000n);
  expect(usedMsat - receivedMsat, 'within the credit').toBeLessThanOrEqual(5_000n);
});
