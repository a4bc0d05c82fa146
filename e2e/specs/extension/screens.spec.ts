/** Appearance and use: every screen in both languages, light and dark, at 200 % zoom, by keyboard alone; the panel; the lock. */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, test, type Page } from '@playwright/test';
import { connect, giveBudget, popupOver, promptOf, speak, webln } from '../../lib/extension-wallet';
import { ExtensionBrowser, serviceWorker } from '../../lib/extension';
import { hear } from '../../lib/hear';
import { expectFine, POPUP, PROMPT, TAB, tabOrder } from '../../lib/looks';
import { Network } from '../../lib/network.mjs';
import { PASSPHRASE } from '../../lib/places';
import { Site } from '../../lib/site';
import { WalletPage } from '../../lib/wallet-page.mjs';

test.describe.configure({ mode: 'serial' });

const TAGS = { en: 'en-GB', de: 'de-DE' } as const;
type Language = keyof typeof TAGS;
const EACH = ['en', 'de'] as const;

let network: Network;
let browser: ExtensionBrowser;
let site: Site;
/** A page of the site. */
let page: Page;
let words: string;

test.beforeAll(async () => {
  network = new Network();
  site = await Site.start();
  browser = await ExtensionBrowser.start(await network.config());
  page = await browser.context.newPage();
  await page.goto(site.origin());
});

test.afterAll(async () => {
  await browser?.close();
  await site?.stop();
});

/** For a user who chose no language the browser's counts. */
async function openIn(language: Language, name: string): Promise<Page> {
  const opened = await browser.open('icons/icon.svg');
  await opened.addInitScript(
    (tag) => Object.defineProperty(navigator, 'languages', { get: () => [tag] }),
    TAGS[language],
  );
  await opened.goto(browser.base + name);
  return opened;
}

/** Has a fresh page of an origin ask, shows what is asked, and takes the page away, which is no no. */
async function asked(
  host: string,
  method: string,
  args: unknown[],
  look: (prompt: Page) => Promise<void>,
): Promise<void> {
  const visitor = await browser.context.newPage();
  await visitor.goto(site.origin(host));
  const answer = webln(visitor, method, ...args).catch(() => undefined);
  const prompt = await promptOf(browser);
  await look(prompt);
  await Promise.all([prompt.waitForEvent('close'), visitor.close()]);
  await answer;
}

test('without a wallet there is one way to go', async () => {
  for (const language of EACH) {
    const popup = await openIn(language, 'popup.html');
    await expect(
      popup.getByRole('button', { name: language === 'en' ? 'Set up the wallet' : 'Wallet einrichten' }),
    ).toBeVisible();
    await expectFine(popup, `popup-none-${language}`, POPUP, 240);
    await popup.close();
  }
  await asked('127.0.0.1', 'enable', [], async (prompt) => {
    await expect(prompt.getByText('There is no wallet yet')).toBeVisible();
    await expectFine(prompt, 'approve-none-en', PROMPT);
  });
});

test('makes a wallet in its tab; the popup shows its money without asking again', async () => {
  const first = await browser.open('popup.html');
  const tab = browser.context.waitForEvent('page');
  await first.getByRole('button', { name: 'Set up the wallet' }).click();
  const wallet = new WalletPage(await tab, `${browser.base}options.html`);
  words = await wallet.create(PASSPHRASE);
  await wallet.connected();
  await network.fund(await wallet.savingsAddress(), 1_000_000, 1);
  await wallet.savingsReach(1_000_000n);
  await wallet.openChannel(500_000n);
  await network.mine(6, { transactions: 1 });
  await wallet.channelsReady();
  await first.reload();
  await expect(first.getByTestId('balance')).toHaveAttribute('data-msat', '500000000');
  await wallet.page.close();
  await first.close();
});

test('the popup offers a budget to a site that asked, and to no other; without and with one', async () => {
  const stranger = await popupOver(browser, page);
  await expect(stranger.getByTestId('site-budget')).toHaveAttribute('data-state', 'unasked');
  await expect(stranger.getByTestId('site-budget').getByRole('button')).toHaveCount(0);
  await expectFine(stranger, 'popup-unasked-en', POPUP, 240);
  await stranger.close();
  await connect(browser, page);
  for (const language of EACH) {
    await speak(browser, language);
    const popup = await popupOver(browser, page);
    await expect(popup.getByTestId('site-budget')).toHaveAttribute('data-state', 'none');
    await popup.locator('summary').click();
    await expectFine(popup, `popup-open-${language}`, POPUP, 240);
    await popup.close();
  }
  await speak(browser, 'en');
  await giveBudget(browser, page, 2_000, 500);
  for (const language of EACH) {
    await speak(browser, language);
    const popup = await popupOver(browser, page);
    await expect(popup.getByTestId('budget-left')).toBeVisible();
    await expectFine(popup, `popup-budget-${language}`, POPUP, 240);
    await popup.close();
  }
});

test('each question that a site can have put', async () => {
  const metadata = JSON.stringify([['text/plain', 'A tip for the band that plays on the corner of the square']]);
  const service = (fields: object) => (_: unknown, response: import('node:http').ServerResponse) =>
    void response.end(JSON.stringify(fields));
  const callback = `${site.origin()}/callback`;
  site.on(
    '/pay',
    service({
      tag: 'payRequest',
      callback,
      minSendable: 1_000,
      maxSendable: 100_000_000,
      metadata,
      commentAllowed: 100,
    }),
  );
  site.on(
    '/withdraw',
    service({
      tag: 'withdrawRequest',
      callback,
      k1: '00',
      minWithdrawable: 1_000,
      maxWithdrawable: 5_000_000,
      defaultDescription: 'Your winnings',
    }),
  );
  const { invoice } = await network.invoice({
    amountMsat: 3_000_000n,
    description: 'Two postcards of the old harbour, framed',
  });
  const { nodeId } = ((await network.info()) as { payee: { nodeId: string } }).payee;
  const message = 'I am the user who wrote the letter of the third of May, and nobody else.';
  for (const language of EACH) {
    await speak(browser, language);
    const look = (name: string) => (prompt: Page) => expectFine(prompt, `approve-${name}-${language}`, PROMPT);
    await asked('localhost', 'enable', [], look('enable'));
    await asked('127.0.0.1', 'sendPayment', [invoice], look('payment-beyond'));
    await asked('127.0.0.1', 'keysend', [{ destination: nodeId, amount: '900' }], look('keysend'));
    await asked(
      '127.0.0.1',
      'makeInvoice',
      [{ defaultMemo: 'Prize of the week', defaultAmount: 1_000 }],
      look('invoice'),
    );
    await asked('127.0.0.1', 'signMessage', [message], look('sign'));
    await asked('127.0.0.1', 'verifyMessage', ['d'.repeat(104), message], look('verify'));
    await asked('127.0.0.1', 'lnurl', [`${site.origin()}/pay`], look('lnurl-pay'));
    await asked('127.0.0.1', 'lnurl', [`${site.origin()}/withdraw`], look('lnurl-withdraw'));
  }
});

test('a question without a budget, by keyboard: read, weighed, paid; Escape says no', async () => {
  await speak(browser, 'en');
  const visitor = await browser.context.newPage();
  await visitor.goto(site.origin('localhost'));
  const enabling = webln(visitor, 'enable');
  const first = await promptOf(browser);
  await expect(first.getByRole('heading', { level: 1 })).toBeFocused();
  await expect(first.getByRole('button', { name: 'Allow' })).toBeEnabled();
  expect(await tabOrder(first, 3)).toEqual(['Also give this site a budget', 'Reject', 'Allow']);
  await Promise.all([first.waitForEvent('close'), first.keyboard.press('Enter').catch(() => undefined)]);
  await enabling;

  await asked('localhost', 'getBalance', [], (prompt) => expectFine(prompt, 'approve-balance-en', PROMPT));
  const { nodeId } = ((await network.info()) as { payee: { nodeId: string } }).payee;
  const price = { ratePerSecondMsat: '1000', perUnitMsat: '0', creditMsat: '5000' };
  const film = { nodeId, sessionId: 'film', ...price, pauseWhenHidden: false };
  for (const language of EACH) {
    await speak(browser, language);
    await asked('localhost', 'request', ['stream.start', film], (prompt) =>
      expectFine(prompt, `approve-stream-${language}`, PROMPT),
    );
  }
  await speak(browser, 'en');
  const { invoice, paymentHash } = await network.gatewayInvoice(40_000n);
  await asked('localhost', 'sendPayment', [invoice], (prompt) => expectFine(prompt, 'approve-payment-en', PROMPT));
  const paying = webln<{ preimage: string }>(visitor, 'sendPayment', invoice);
  const prompt = await promptOf(browser);
  await expect(prompt.getByRole('heading', { level: 1 })).toBeFocused();
  await expect(prompt.getByRole('button', { name: 'Pay', exact: true })).toBeEnabled();
  expect(await tabOrder(prompt, 3)).toEqual(['Also give this site a budget', 'Reject', 'Pay']);
  await prompt.keyboard.press('Enter');
  const { preimage } = (await paying) as { preimage: string };
  expect(createHash('sha256').update(Buffer.from(preimage, 'hex')).digest('hex')).toBe(paymentHash);

  const refused = webln(visitor, 'sendPayment', (await network.gatewayInvoice(40_000n)).invoice);
  const last = await promptOf(browser);
  await last.bringToFront();
  await Promise.all([last.waitForEvent('close'), last.keyboard.down('Escape').catch(() => undefined)]);
  expect(await refused).toMatchObject({ error: 'RejectionError' });
  await visitor.close();
});

test('the wallet’s own tab: history as CSV with the site that paid, the words for the passphrase', async () => {
  for (const language of EACH) {
    await speak(browser, language);
    const options = await browser.open('options.html');
    for (const screen of ['home', 'history', 'budgets', 'settings']) {
      await options.evaluate((to) => (location.hash = `#/${to}`), screen);
      await expect(options.locator('main h1')).toBeVisible();
      await expectFine(options, `options-${screen}-${language}`, TAB, 360);
    }
    await options.close();
  }
  await speak(browser, 'en');
  const options = await browser.open('options.html#/history');
  await expect(options.getByTestId('payment-site')).toHaveText([site.origin('localhost')]);
  const saved = options.waitForEvent('download');
  await options.getByRole('button', { name: 'Save as CSV' }).click();
  const lines = readFileSync(await (await saved).path(), 'utf8').split('\r\n');
  expect(lines[0]).toBe(
    'date,direction,kind,state,amount_msat,fee_msat,description,holder,payee,payment_hash,preimage,txid',
  );
  expect(
    lines.filter(
      (line) => line.includes(`,outbound,bolt11,succeeded,40000,0,`) && line.includes(`,${site.origin('localhost')},`),
    ),
  ).toHaveLength(1);

  await options.evaluate(() => (location.hash = '#/settings'));
  await options.getByRole('button', { name: 'Show the words' }).click();
  const dialog = options.getByRole('dialog');
  await dialog.getByLabel('Passphrase', { exact: true }).fill('a guess');
  await dialog.getByRole('button', { name: 'Show the words' }).click();
  await expect(dialog.getByText(/does not open the wallet/)).toBeVisible();
  await dialog.getByLabel('Passphrase', { exact: true }).fill(PASSPHRASE);
  await options.keyboard.press('Enter');
  await expect(dialog.getByTestId('words').locator('b')).toHaveText(words.split(' '));
  await expectFine(options, 'options-words-en', TAB, 360);
  await options.close();
});

test('the panel at the side opens from the popup and goes with the tab in front', async () => {
  const popup = await browser.open('popup.html');
  await Promise.all([
    popup.waitForEvent('close'),
    popup.getByRole('button', { name: 'Keep open at the side' }).click(),
  ]);
  const worker = await serviceWorker(browser.context);
  await expect
    .poll(() =>
      worker.evaluate("chrome.runtime.getContexts({ contextTypes: ['SIDE_PANEL'] }).then((found) => found.length)"),
    )
    .toBe(1);

  const panel = await browser.open('panel.html');
  await expect(panel.getByRole('button', { name: 'Keep open at the side' })).toHaveCount(0);
  await page.bringToFront();
  await expect(panel.getByTestId('site-budget')).toHaveAttribute('data-state', 'open');
  const other = await browser.context.newPage();
  await other.goto(site.origin('localhost'));
  await expect(panel.getByTestId('site-budget')).toHaveAttribute('data-state', 'none');
  await expect(panel.getByRole('heading', { name: /^localhost/ })).toBeVisible();
  await other.goto('about:blank');
  await expect(panel.getByTestId('site-budget')).toHaveCount(0);
  await other.goto(site.origin());
  await expect(panel.getByTestId('budget-left')).toBeVisible();
  await other.close();
  await expectFine(panel, 'panel-en', { width: 720, height: 860 }, 240);
  await panel.close();
});

/** Sets the browser's idle state of the user; headless it sees none. */
const user = (state: 'active' | 'idle' | 'locked'): Promise<void> =>
  hear(browser.context, 'idle.onStateChanged', state);

test('when the user is gone the wallet locks by itself, and what was begun is finished', async () => {
  await speak(browser, null);
  const popup = await popupOver(browser, page);
  const { invoice } = await network.gatewayInvoice(20_000n);
  // As a payment does that is under way.
  await popup.evaluate(() => {
    const end = new Promise<void>((resolve) => Object.assign(window, { endWork: resolve }));
    void navigator.locks.request('amplet-work', { mode: 'shared' }, () => end);
  });
  await user('locked');
  await expect
    .poll(() =>
      popup.evaluate(
        async () => (await navigator.locks.query()).pending?.filter(({ name }) => name === 'amplet-work').length,
      ),
    )
    .toBe(1);
  await expect(popup.getByTestId('balance')).toBeVisible();
  await popup.evaluate(() => (window as unknown as { endWork(): void }).endWork());
  await expect(popup.getByRole('button', { name: 'Unlock' })).toBeVisible();
  await expect(popup.getByLabel('Passphrase', { exact: true })).toBeFocused();
  for (const language of EACH) {
    const locked = await openIn(language, 'popup.html');
    await expect(locked.locator('form')).toBeVisible();
    await expectFine(locked, `popup-locked-${language}`, POPUP, 240);
    await locked.close();
  }
  await page.bringToFront();
  const paying = webln(page, 'enable').then(() => webln<{ preimage: string }>(page, 'sendPayment', invoice));
  const prompt = await promptOf(browser);
  await expectFine(prompt, 'approve-locked-en', PROMPT);
  await user('active');
  await prompt.getByLabel('Passphrase', { exact: true }).fill(PASSPHRASE);
  await prompt.keyboard.press('Enter');
  expect(await paying).toHaveProperty('preimage');
  await expect(popup.getByTestId('balance'), 'unlocked in one window it is in all').toBeVisible();
  await user('idle');
  await expect(popup.getByRole('button', { name: 'Unlock' })).toBeVisible();
  await popup.close();
});
