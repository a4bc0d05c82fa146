/** The example sites, clicked through by a user with the extension: a shop, a paid API and page, a game that pays out. */

import { expect, test, type Page } from '@playwright/test';
import {
  escape,
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
import { streamLines } from '../../lib/stream';

test.describe.configure({ mode: 'serial' });

let browser: ExtensionBrowser;
let sites: Awaited<ReturnType<Network['examples']>>;
let network: Network;
let page: Page;

test.beforeAll(async () => {
  network = new Network();
  sites = await network.examples();
  browser = await fundedBrowser(network);
  page = await browser.context.newPage();
});

test.afterAll(() => browser?.close());

/** Counts the outbound entries of the history. */
async function payments(): Promise<number> {
  const wallet = await browser.open('options.html#/history');
  await expect(wallet.getByRole('heading', { name: 'History' })).toBeVisible();
  const count = await wallet
    .locator('[data-testid=payment][data-kind=bolt11][data-state=succeeded]:not(.inbound)')
    .count();
  await wallet.close();
  return count;
}

async function buy(name: string): Promise<void> {
  await page.getByRole('button', { name: `Buy ${name}` }).click();
  await page.getByRole('button', { name: /browser's wallet/ }).click();
}

test('shop: the user enables it once, sees what it costs, and pays', async () => {
  await page.goto(sites.shop);
  expect(await webln(page, 'getInfo')).toMatchObject({ error: 'RejectionError' });
  await buy('coffee');
  const first = await promptOf(browser);
  await expect(first.getByTestId('site')).toHaveAttribute('data-origin', sites.shop);
  await expect(first.getByRole('heading', { name: 'Connect this site?' })).toBeVisible();
  await expectPromptAccessible(first, 'Allow', 'enable');
  await escape(first);
  await expect(page.getByText('The wallet did not pay')).toBeVisible();

  await page.getByRole('button', { name: /browser's wallet/ }).click();
  await press(await promptOf(browser), 'Allow');
  const prompt = await promptOf(browser);
  await expect(prompt.getByTestId('amount')).toHaveAttribute('data-msat', '21000');
  await expect(prompt.getByTestId('fee')).toBeVisible();
  await expect(prompt.getByText('Coffee from the example shop')).toBeVisible();
  await expectPromptAccessible(prompt, 'Pay', 'payment');
  await prompt.close();
  await expect(page.getByText('The wallet did not pay')).toBeVisible();

  await page.getByRole('button', { name: /browser's wallet/ }).click();
  await press(await promptOf(browser), 'Pay');
  await expect(page.getByText('Paid. Your coffee is on its way.')).toBeVisible();
  expect(await webln(page, 'isEnabled')).toBe(true);
  expect(await webln<{ node: { pubkey: string } }>(page, 'getInfo')).toMatchObject({
    node: { pubkey: expect.stringMatching(/^0[23]/) },
  });
  expect(await payments()).toBe(1);
});

test('shop: within its budget nothing is asked, above it the user is', async () => {
  await page.bringToFront();
  // A payment counts with its maximum fee, a few sat: the sticker is below, the cake above.
  await giveBudget(browser, page, 2_000, 15);
  const left = async (): Promise<bigint> => {
    const popup = await popupOver(browser, page);
    const text = await popup.getByTestId('budget-left').getAttribute('data-msat');
    await popup.close();
    return BigInt(text ?? 'none');
  };
  const before = await left();
  await buy('sticker');
  await expect(page.getByText('Paid. Your sticker is on its way.')).toBeVisible();
  const spent = before - (await left());
  expect(spent, 'the price and a fee').toBeGreaterThanOrEqual(1_000n);
  expect(spent).toBeLessThan(5_000n);

  await buy('cake');
  const prompt = await promptOf(browser);
  await expect(prompt.getByTestId('left-after')).toBeVisible();
  await press(prompt, 'Reject');
  await expect(page.getByText('The wallet did not pay')).toBeVisible();
  await page.getByRole('button', { name: 'Cancel' }).click();
});

test('paid API: a page is bought with a yes, and opens again for nothing', async () => {
  await page.goto(`${sites.l402}/article`);
  const prompt = await promptOf(browser);
  await expect(prompt.getByTestId('amount')).toHaveAttribute('data-msat', '5000');
  await expect(prompt.getByText(`${sites.l402}/article`)).toBeVisible();
  await expectPromptAccessible(prompt, 'Pay', 'a page that costs money');
  await press(prompt, 'Pay');
  const article = page.getByRole('heading', { name: 'The article' });
  await expect(article).toBeVisible();
  const paid = await payments();
  await page.goto(sites.l402);
  await page.getByRole('link', { name: 'Read the article' }).click();
  await expect(article).toBeVisible();
  expect(await payments(), 'the credential serves again').toBe(paid);
});

test("paid API: within a budget by the page's own script, L402 once and the charge each time", async () => {
  await page.goto(sites.l402);
  await giveBudget(browser, page, 1_000, 100);
  const before = await payments();
  const said = page.locator('#said.good');
  for (let times = 0; times < 2; times += 1) {
    await page.getByRole('button', { name: 'Get a fortune' }).click();
    await expect(said).toBeVisible();
  }
  expect(await payments()).toBe(before + 1);
  for (let times = 0; times < 2; times += 1) {
    await page.getByRole('button', { name: 'Get a joke' }).click();
    await expect(page.locator('#said')).toHaveText('Asking…');
    await expect(said).toBeVisible();
  }
  expect(await payments()).toBe(before + 3);
});

/** Plays a life as well as one can; whether it was won. */
async function playOn(): Promise<boolean> {
  const [card, said] = [page.locator('#card'), page.locator('#said')];
  for (;;) {
    const low = ['A', '2', '3', '4', '5', '6', '7'].includes(await card.innerText());
    await said.evaluate((shown) => (shown.textContent = ''));
    await page.getByRole('button', { name: low ? /^Higher/ : /^Lower/ }).click();
    await expect(said).not.toHaveText('');
    const text = await said.innerText();
    if (!text.startsWith('Right')) return text.startsWith('You won');
  }
}

test('game: lives are units of a stream, a win is paid out, and both ends agree', async () => {
  // Its gateway's side of the channel has to hold a prize: somebody was paid before.
  await page.goto(sites.shop);
  const rent = await network.invoice({ amountMsat: 20_000_000n, description: 'Rent' });
  const paying = webln<{ preimage: string }>(page, 'sendPayment', rent.invoice);
  await press(await promptOf(browser), 'Pay this once'); // it is more than the budget has
  expect(await paying).toHaveProperty('preimage');

  await page.goto(sites.game);
  await giveBudget(browser, page, 2_000, 500);
  const buyLife = page.getByRole('button', { name: /^Buy a life/ });
  let lives = 0;
  let receivedMsat: string;
  do {
    const [given] = await Promise.all([page.waitForResponse(/\/api\/players\/\w+\/lives$/), buyLife.click()]);
    ({ receivedMsat } = (await given.json()) as { receivedMsat: string });
    await expect(page.getByText('Higher or lower?', { exact: true })).toBeVisible();
    lives += 1;
  } while (!(await playOn()));
  const popup = await popupOver(browser, page);
  await expect(popup.getByTestId('stream')).toHaveAttribute('data-paid', String(lives * 10_000));
  const before = BigInt((await popup.getByTestId('balance').getAttribute('data-msat')) ?? 'none');
  await page.getByRole('button', { name: 'Collect the prize' }).click();
  await expect(page.getByText('25 sat are in your wallet.')).toBeVisible();
  await expect(popup.getByTestId('balance')).toHaveAttribute('data-msat', String(before + 25_000n));
  await popup.getByTestId('stream').getByRole('button', { name: 'Stop' }).click();
  await expect(popup.getByTestId('stream')).toHaveCount(0);
  await popup.close();
  expect(await streamLines(browser)).toEqual([BigInt(lives) * 10_000n]);
  expect(BigInt(receivedMsat)).toBe(BigInt(lives) * 10_000n);
});

test('game: who wants no stream pays a life by invoice', async () => {
  await page.goto(sites.game.replace('127.0.0.1', 'localhost'));
  await page.getByRole('button', { name: /^Buy a life/ }).click();
  await press(await promptOf(browser), 'Allow');
  const asked = await promptOf(browser);
  await expect(asked.getByTestId('per-unit')).toHaveAttribute('data-msat', '10000');
  await press(asked, 'Reject');
  await page.getByRole('button', { name: /browser's wallet/ }).click();
  const prompt = await promptOf(browser);
  await expect(prompt.getByTestId('amount')).toHaveAttribute('data-msat', '10000');
  await press(prompt, 'Pay');
  await expect(page.getByText('Higher or lower?', { exact: true })).toBeVisible();
});
