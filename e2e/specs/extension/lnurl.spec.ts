/** LNURL through the extension: logging in, paying for something that is shown, and what the seller wants to know. */

import { randomBytes } from 'node:crypto';
import { expect, test, type Page } from '@playwright/test';
import { expectPromptAccessible, fundedBrowser, press, promptOf, webln } from '../../lib/extension-wallet';
import type { ExtensionBrowser } from '../../lib/extension';
import { Network } from '../../lib/network.mjs';
import { Site } from '../../lib/site';

test.describe.configure({ mode: 'serial' });

let network: Network;
let browser: ExtensionBrowser;
let site: Site;
let page: Page;

test.beforeAll(async () => {
  network = new Network();
  site = await Site.start();
  browser = await fundedBrowser(network);
  page = await browser.context.newPage();
  await page.goto(site.origin());
  const enabled = webln(page, 'enable');
  await press(await promptOf(browser), 'Allow');
  await enabled;
});

test.afterAll(async () => {
  await browser?.close();
  await site?.stop();
});

/** Logs in at `host`, and returns what the site was shown. */
async function logIn(host: string, foreign: boolean): Promise<URLSearchParams> {
  let shown = new URLSearchParams();
  site.on('/login', (_, response, url) => {
    shown = url.searchParams;
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"status":"OK"}');
  });
  const k1 = randomBytes(32).toString('hex');
  const done = webln<{ status: string; data: { message: string } }>(
    page,
    'lnurl',
    `${site.origin(host)}/login?tag=login&k1=${k1}`,
  );
  const prompt = await promptOf(browser);
  await expect(prompt.getByText(`Your wallet proves to ${host}`)).toBeVisible();
  await expect(prompt.getByText('logging in there as you')).toHaveCount(foreign ? 1 : 0);
  await expectPromptAccessible(prompt, 'Log in', `login, ${foreign ? 'foreign' : 'own'}`);
  await press(prompt, 'Log in');
  expect(await done).toMatchObject({ status: 'OK', data: { message: k1 } });
  expect(shown.get('k1')).toBe(k1);
  return shown;
}

test('a login shows a key of the domain alone, the same each time', async () => {
  const [first, second, other] = [
    await logIn('127.0.0.1', false),
    await logIn('127.0.0.1', false),
    await logIn('localhost', true),
  ];
  expect(first.get('key')).toMatch(/^0[23][0-9a-f]{64}$/);
  expect(first.get('sig')).toMatch(/^30[0-9a-f]{130,142}$/);
  expect(second.get('key')).toBe(first.get('key'));
  expect(other.get('key')).not.toBe(first.get('key'));
});

test('what the money brings is shown to the user', async () => {
  site.on('/tea', (_, response) => {
    const terms = {
      tag: 'payRequest',
      callback: `${site.origin()}/brew`,
      minSendable: 20_000,
      maxSendable: 20_000,
      metadata: '[["text/plain","tea"]]',
    };
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ ...terms, payerData: { name: { mandatory: true } } }));
  });
  site.on('/brew', async (_, response, url) => {
    expect(JSON.parse(url.searchParams.get('payerdata') ?? '{}')).toEqual({ name: 'Lea' });
    const { invoice } = await network.gatewayInvoice(BigInt(url.searchParams.get('amount') ?? '0'));
    const successAction = { tag: 'url', description: 'Your tea is ready', url: `${site.origin()}/cup` };
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ pr: invoice, routes: [], successAction }));
  });
  const paying = webln<{ status: string; data: { preimage: string } }>(page, 'lnurl', `${site.origin()}/tea`);
  const asks = await promptOf(browser);
  await expect(asks.getByRole('button', { name: 'Pay', exact: true })).toBeDisabled();
  await asks.getByLabel('Your name').fill('Lea');
  await expectPromptAccessible(asks, 'Pay', 'who pays');
  await press(asks, 'Pay');
  const pays = await promptOf(browser);
  await expect(pays.getByTestId('amount')).toHaveAttribute('data-msat', '20000');
  await press(pays, 'Pay');
  expect(await paying).toMatchObject({ status: 'OK', data: { preimage: expect.stringMatching(/^[0-9a-f]{64}$/) } });
  const shows = await promptOf(browser);
  await expect(shows.getByRole('heading', { name: 'What you got' })).toBeVisible();
  await expect(shows.getByText('Your tea is ready')).toBeVisible();
  await expect(shows.getByRole('link', { name: 'Open 127.0.0.1' })).toHaveAttribute('href', `${site.origin()}/cup`);
  await expectPromptAccessible(shows, 'Close', 'what the money brought');
  await press(shows, 'Close');
});

test('a page that reads a signature with the user gets its answer', async () => {
  const signing = webln<{ signature: string }>(page, 'signMessage', 'I was here');
  await press(await promptOf(browser), 'Sign');
  const { signature } = (await signing) as { signature: string };
  const verifying = webln(page, 'verifyMessage', signature, 'I was here');
  const prompt = await promptOf(browser);
  await expect(prompt.getByText('Signed by the node')).toBeVisible();
  await expect(prompt.getByRole('button', { name: 'Close', exact: true })).toBeEnabled();
  await press(prompt, 'Close');
  expect(await verifying).toBeUndefined();
});

test('a site that was enabled hears that the wallet was locked, and unlocked', async () => {
  await page.evaluate(() => {
    const heard = ((window as unknown as { heard: number }).heard = 0);
    (window as unknown as { webln: { on: (event: string, listener: () => void) => void } }).webln.on(
      'accountChanged',
      () => {
        (window as unknown as { heard: number }).heard += 1;
      },
    );
    return heard;
  });
  const heard = (): Promise<number> => page.evaluate(() => (window as unknown as { heard: number }).heard);
  const popup = await browser.open('popup.html');
  await popup.getByRole('button', { name: 'Lock' }).click();
  await expect.poll(heard).toBe(1);
  await popup.close();
});
